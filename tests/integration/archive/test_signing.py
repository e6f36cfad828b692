"""Signatures of manifests: made here, checked by OpenSSH, and the other way round."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import asyncssh
import pytest

from portproof.archive.signing import BadSignatureError, check, public_keys, signer
from support.calling import Done, portproof
from support.folders import job_of, looks_of, reseal, save, write

MESSAGE = b'{"format": "portproof-manifest/1"}\n'
OPENED_BY = "correct horse"


def key(folder: Path, name: str = "key", algorithm: str = "ssh-ed25519") -> Path:
    """A new key pair, ``name`` and ``name.pub``."""
    made = asyncssh.generate_private_key(algorithm)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(made.export_private_key())
    (folder / name).chmod(0o600)
    (folder / f"{name}.pub").write_bytes(made.export_public_key())
    return folder / name


def signed(folder: Path, by: Path) -> Path:
    """A whole folder that was signed."""
    write(folder, job_of(), looks_of(), sign=signer(by, None))
    return folder


def keygen(*args: str | Path, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run ssh-keygen."""
    words = ["ssh-keygen", *map(str, args)]
    return subprocess.run(words, input=data, check=False, capture_output=True)


@pytest.mark.needs("ssh-keygen")
def test_openssh_checks_our_signatures(tmp_path: Path) -> None:
    """It takes the signature of this manifest, and of no other."""
    folder = signed(tmp_path / "out", key(tmp_path))
    allowed = tmp_path / "allowed"
    public = (tmp_path / "key.pub").read_text(encoding="utf-8")
    allowed.write_text(f'auditor namespaces="portproof" {public}', encoding="utf-8")
    verify = ("-Y", "verify", "-f", allowed, "-I", "auditor", "-n", "portproof")
    manifest = (folder / "manifest.json").read_bytes()
    done = keygen(*verify, "-s", folder / "manifest.sig", data=manifest)
    assert done.returncode == 0, done.stderr
    assert b'Good "portproof" signature for auditor' in done.stdout
    assert keygen(*verify, "-s", folder / "manifest.sig", data=manifest + b" ").returncode != 0
    assert portproof("verify", folder, "--key", allowed).code == 0


@pytest.mark.needs("ssh-keygen")
def test_we_make_the_signature_that_openssh_makes(tmp_path: Path) -> None:
    """Ed25519 is deterministic: not a byte differs, so each checks the other's."""
    ours = signer(key(tmp_path), None)(MESSAGE)
    theirs = keygen("-q", "-Y", "sign", "-f", tmp_path / "key", "-n", "portproof", data=MESSAGE)
    assert theirs.stdout.decode() == ours


@pytest.mark.needs("ssh-keygen")
def test_a_signature_for_something_else_is_none_for_portproof(tmp_path: Path) -> None:
    """The same key may sign commits; those are no manifests."""
    made = keygen("-q", "-Y", "sign", "-f", key(tmp_path), "-n", "git", data=MESSAGE)
    with pytest.raises(BadSignatureError, match="is for something else than portproof"):
        check(made.stdout, MESSAGE, None)


@pytest.mark.needs("ssh-keygen")
@pytest.mark.parametrize("form", [(), ("-m", "PKCS8")])
def test_a_key_with_a_passphrase_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
) -> None:
    """By what the environment says; a wrong one, or none, is an error before anything is done."""
    file = tmp_path / "key"
    keygen("-q", "-t", "ed25519", *form, "-N", OPENED_BY, "-f", file)
    save(tmp_path / "own.yml", {"policy": "a", "title": "A", "rules": [{"id": "a", "closed": 1}]})

    def audit() -> Done:
        words = ("-p", tmp_path / "own.yml", "--via", "probe", "-o", tmp_path / "out")
        return portproof("audit", *words, "--sign", file)

    done = audit()
    assert (done.code, done.out) == (2, "")
    assert "needs a passphrase; set PORTPROOF_SIGN_PASSPHRASE" in done.err
    monkeypatch.setenv("PORTPROOF_SIGN_PASSPHRASE", "wrong")
    done = audit()
    assert done.code == 2
    assert not (tmp_path / "out").exists()
    monkeypatch.setenv("PORTPROOF_SIGN_PASSPHRASE", OPENED_BY)
    assert audit().code in {0, 1, 3}
    assert portproof("verify", tmp_path / "out", "--key", f"{file}.pub").code == 0


@pytest.mark.needs("openssl")
def test_a_key_in_pem_signs(tmp_path: Path) -> None:
    """As other programs make them."""
    made = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(tmp_path / "key.pem")]
    subprocess.run(made, check=True, capture_output=True)
    text = signer(tmp_path / "key.pem", None)(MESSAGE)
    assert check(text.encode(), MESSAGE, None).fingerprint.startswith("SHA256:")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none", "cannot be read: No such file"),
        ("key.pub", "is no private key"),
        ("rsa", "is a key of type ssh-rsa; make one with ssh-keygen -t ed25519"),
    ],
)
def test_a_key_that_cannot_sign_is_refused_first(tmp_path: Path, name: str, said: str) -> None:
    """Before the folder is made, and before anything is looked at."""
    key(tmp_path)
    key(tmp_path, "rsa", "ssh-rsa")
    done = portproof("audit", "--sign", tmp_path / name, "-o", tmp_path / "out")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not (tmp_path / "out").exists()


def test_verify_tells_who_signed(tmp_path: Path) -> None:
    """With the key it is good; without one it holds, by whomever."""
    folder = signed(tmp_path / "out", key(tmp_path))
    fingerprint = asyncssh.read_public_key(tmp_path / "key.pub").get_fingerprint()
    done = portproof("verify", folder, "--key", tmp_path / "key.pub")
    assert (done.code, done.err) == (0, "")
    assert f"the signature holds, by {fingerprint}\n" in done.out
    done = portproof("verify", folder)
    assert done.code == 0
    assert f"by {fingerprint}; to check whose key it is, use --key" in done.out


def test_the_signature_of_another_differs(tmp_path: Path) -> None:
    """However good it is."""
    folder = signed(tmp_path / "out", key(tmp_path))
    done = portproof("verify", folder, "--key", f"{key(tmp_path, 'other')}.pub")
    assert done.code == 1
    assert "DIFFERS manifest.sig: is by SHA256:" in done.out
    assert "which is not the key that was given" in done.out


def test_a_signature_that_is_missing_differs(tmp_path: Path) -> None:
    """Where a key says that there must be one."""
    folder = signed(tmp_path / "out", key(tmp_path))
    (folder / "manifest.sig").unlink()
    done = portproof("verify", folder, "--key", tmp_path / "key.pub")
    assert done.code == 1
    assert "DIFFERS manifest.sig: is missing" in done.out


def test_a_manifest_that_was_made_to_fit_is_not_signed(tmp_path: Path) -> None:
    """An edited folder with hashes that fit: the signature does not hold any more."""
    folder = signed(tmp_path / "out", key(tmp_path))
    request = folder / "request.json"
    request.write_text(request.read_text(encoding="utf-8") + " ", encoding="utf-8")
    reseal(folder)
    done = portproof("verify", folder)
    assert done.code == 1
    assert "DIFFERS manifest.sig: does not hold" in done.out


def test_a_key_of_another_kind_is_no_signer(tmp_path: Path) -> None:
    """Whatever numbers are in it, it is told apart before anything is done with them."""
    parts = [b"ssh-rsa", b"\x01\x00\x01", b"\xff"]
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    fields = [blob, b"portproof", b"", b"sha512", b"x"]
    raw = b"SSHSIG" + (1).to_bytes(4, "big")
    raw += b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    text = base64.b64encode(raw).decode()
    lines = "\n".join(text[at : at + 70] for at in range(0, len(text), 70))
    folder = signed(tmp_path / "out", key(tmp_path))
    begin, end = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
    (folder / "manifest.sig").write_text(f"{begin}\n{lines}\n{end}\n", encoding="utf-8")
    done = portproof("verify", folder)
    assert done.code == 1
    assert "DIFFERS manifest.sig: is not an Ed25519 signature" in done.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no key that may sign"),
        ("# a comment\n", "holds no key that may sign"),
        ("not a key\n", "allowed:1:1: is no ssh-ed25519 public key"),
        ('me namespaces="git" KEY', "holds no key that may sign"),
        ("me cert-authority KEY", "options that are not understood: cert-authority"),
        ('me valid-before="20200101" KEY', "options that are not understood: valid-before"),
        ('me namespaces="*" KEY', "options that are not understood: namespaces"),
        ("ssh-ed25519 AAAA", "allowed:1:1: "),
        ("@revoked KEY", "names that are not understood: @revoked"),
        ("me,!you KEY", "names that are not understood: me,!you"),
        ("# x\x0cKEY", "holds no key that may sign"),
    ],
)
def test_signers_that_are_not_understood_are_refused(tmp_path: Path, text: str, said: str) -> None:
    """Rather than believed; with exit code 2."""
    folder = signed(tmp_path / "out", key(tmp_path))
    public = (tmp_path / "key.pub").read_text(encoding="utf-8")
    (tmp_path / "allowed").write_text(text.replace("KEY", public), encoding="utf-8")
    done = portproof("verify", folder, "--key", tmp_path / "allowed")
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_keys_are_read_from_both_forms(tmp_path: Path) -> None:
    """A public key file, and allowed signers with comments and several lines."""
    key(tmp_path)
    public = (tmp_path / "key.pub").read_text(encoding="utf-8")
    lines = f'# ours\n\nme,you {public}other namespaces="git,portproof" {public}'
    (tmp_path / "allowed").write_text(lines, encoding="utf-8")
    assert set(public_keys(tmp_path / "allowed")) == set(public_keys(tmp_path / "key.pub"))


@pytest.mark.needs("ssh-keygen", "setsid")
def test_a_terminal_is_asked_for_the_passphrase(tmp_path: Path) -> None:
    """It is not shown, and the folder is signed."""
    file = tmp_path / "key"
    keygen("-q", "-t", "ed25519", "-N", OPENED_BY, "-f", file)
    ours, theirs = os.openpty()
    words = ["audit", "--via", "probe", "-o", str(tmp_path / "out"), "--sign", str(file)]
    command = ["setsid", "--ctty", "--wait", sys.executable, "-m", "portproof", *words]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        said = _until(ours, b"Passphrase of ")
        os.write(ours, f"{OPENED_BY}\n".encode())
        said += _until(ours, b"report: ")
        os.close(ours)
        running.wait(60)
    assert OPENED_BY.encode() not in said
    assert portproof("verify", tmp_path / "out", "--key", f"{file}.pub").code == 0


def _until(terminal: int, text: bytes) -> bytes:
    said = b""
    while text not in said:
        said += os.read(terminal, 4096)
    return said


@pytest.fixture
def audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an audit of this machine that was signed."""
    rules = [{"id": "a", "closed": "1/tcp"}]
    save(tmp_path / "own.yml", {"policy": "own", "title": "Own", "rules": rules})
    monkeypatch.chdir(tmp_path)
    signing = ("--sign", key(tmp_path))
    portproof("audit", "-p", "own.yml", "--via", "probe", *signing, "-o", "out", "-q")
    return tmp_path / "out"


def test_a_signature_that_was_taken_away_is_missed(audited: Path) -> None:
    """Also without a key: the request tells that there was to be one. It cannot go on, either."""
    assert portproof("verify", audited).code == 0
    (audited / "manifest.sig").unlink()
    done = portproof("verify", audited)
    assert done.code == 1
    assert "DIFFERS manifest.sig: is missing: the audit was asked to sign its manifest" in done.out
    assert "is not signed" not in done.out
    again = portproof("audit", "--resume", audited)
    assert again.code == 2
    assert "manifest.sig: is missing" in again.err
    assert not (audited / "manifest.sig").exists()


def test_whether_there_was_a_signature_must_be_told(audited: Path) -> None:
    """Without a request, or with an edited one, nothing is said to hold."""
    (audited / "manifest.sig").unlink()
    (audited / "request.json").write_text("{}", encoding="utf-8")
    edited = portproof("verify", audited)
    assert edited.code == 1
    assert "UNCHECKED request.json differs; whether the manifest was signed" in edited.out
    (audited / "request.json").unlink()
    manifest = json.loads((audited / "manifest.json").read_text(encoding="utf-8"))
    del manifest["files"]["request.json"]
    (audited / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    reseal(audited)
    gone = portproof("verify", audited)
    assert gone.code == 3
    assert (
        "UNCHECKED there is no request.json, so it is not known whether the manifest was signed"
        in gone.out
    )


def test_what_was_evaluated_is_not_said_to_be_signed(audited: Path) -> None:
    """It has no signature, whether the evidence came from a signed folder or not."""
    portproof("evaluate", audited, "-p", "own.yml", "-o", "again")
    done = portproof("verify", "again")
    assert "note: the manifest is not signed" in done.out
    assert "DIFFERS" not in done.out
