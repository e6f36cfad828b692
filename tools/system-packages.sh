#!/bin/sh
# Installs the system packages the tests use, where that is possible: Debian or Ubuntu, as root.
# Elsewhere each test says what it misses.
set -eu

command -v dpkg-query >/dev/null || { echo "not Debian: tests will say what they miss"; exit 0; }
packages="chromium default-jre-headless iproute2 lsof net-tools npm perl"
packages="$packages busybox fish iptables isc-dhcp-client opendoas openssh-server sudo tcsh zsh"
missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
# A program that is there without Debian's package will do.
command -v npm >/dev/null && missing=$(echo "$missing" | sed 's/\bnpm\b//')
command -v java >/dev/null && missing=$(echo "$missing" | sed 's/\bdefault-jre-headless\b//')
[ -n "$(echo "$missing" | tr -d ' ')" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "some tests will be skipped; they need:$missing"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of words on purpose
apt-get install -qq -y --no-install-recommends $missing >/dev/null
