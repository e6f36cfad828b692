"""An inventory with every kind of source, encrypted variables, and names of every form."""

from typing import Final

from support.inventory.own_folder import Folder

VAULT_WORD: Final = "vault-password"
SUDO_WORD: Final = "sudo-password"
LOGIN_WORD: Final = "login-password"

SUDO_ENCRYPTED: Final = """\
$ANSIBLE_VAULT;1.1;AES256
63316439323032616461346438373434653561633863626534373934366361616536383530323165
6436366664323565356265656433393434306637326233620a336638333633356361353833363633
38393362623563656333393837303864343032626338343865613938313961383338323335633830
3161633165646236620a353137353666323630356365316237653466393064333537376134633462
6333
"""
"""The sudo password, encrypted by ``ansible-vault`` with the vault password."""

LOGIN_ENCRYPTED: Final = """\
$ANSIBLE_VAULT;1.1;AES256
66666135643262393032373935343138386138316230393636633739343330653132613430313434
3738316137666238376162393963646664353964323938390a643163323134323838643733336535
34303564626238306364643536343233393661636363633837373461646339353135376665343862
3539336631376266630a653765323933656639653630323964383664616536626465363264656434
33363634666537376265323930613433623837666336393634393064363430363364666137353133
6635356531613363343939353436363135373238663733366436
"""
"""A file of variables with the login password, encrypted in the same way."""

_STATIC: Final = """\
lonely

[web]
web[01:03]
alias ansible_host=10.0.0.9 ansible_user="{{ operator }}"

[v6]
[2001:db8::1]:2222
2001:db8::5
edge:2223

[prod:children]
web
v6

[prod:vars]
ansible_user=deploy
ansible_ssh_common_args='-o ProxyJump=bastion'
"""
_TREE: Final = """\
all:
  children:
    big:
      children:
        db:
          hosts:
            db2:
            db1: {ansible_become_method: doas, note: "[1, 2]"}
            web01:
    nobody: {}
"""
_SCRIPT: Final = """\
#!/bin/sh
echo '{"cloud": {"hosts": ["c1", "c2"], "vars": {"portproof_zone": "eu", "facts": [1]}},
       "_meta": {"hostvars": {"c1": {"ansible_all_ipv4_addresses": ["10.9.9.9"]}}}}'
"""
_CONSTRUCTED: Final = """\
plugin: ansible.builtin.constructed
strict: true
groups:
  firsts: inventory_hostname.endswith("1")
"""
_UNSAFE: Final = 'portproof_note: !unsafe "{{ as it is }}"\n'


def indented(text: str) -> str:
    """Text as a block of YAML."""
    return "".join(f"  {line}\n" for line in text.splitlines())


def write_fleet(folder: Folder) -> str:
    """Write the inventory and the vault's password; give the inventory's folder."""
    folder.write("vault-password", f"{VAULT_WORD}\n")
    folder.write("fleet/10-static", _STATIC)
    folder.write("fleet/20-tree.yml", _TREE)
    folder.write("fleet/30-cloud", _SCRIPT, 0o700)
    folder.write("fleet/40-constructed.yml", _CONSTRUCTED)
    everyone = "ansible_become: true\nansible_become_password: !vault |\n"
    folder.write("fleet/group_vars/all.yml", everyone + indented(SUDO_ENCRYPTED))
    folder.write("fleet/group_vars/web/vault.yml", LOGIN_ENCRYPTED)
    folder.write("fleet/host_vars/web02.yml", "ansible_port: 2202\n" + _UNSAFE)
    return "fleet"
