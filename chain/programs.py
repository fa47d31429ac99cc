"""Finds Prometheus and Alertmanager, or unpacks them from the distribution's packages into `.programs/`.

Nothing is installed: the packages are downloaded and unpacked as files, without root, and no service is started.
"""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

from groundwork.problems import Away

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".programs"
PACKAGES = {
    "prometheus": ("prometheus", "promtool"),
    "prometheus-alertmanager": ("prometheus-alertmanager", "amtool"),
}
PEERS = {
    "prometheus-blackbox-exporter": ("prometheus-blackbox-exporter",),
    "prometheus-sql-exporter": ("prometheus-sql-exporter",),
    "victoria-metrics": ("victoria-metrics",),
}
"""What only benchmarks and tests compare with; fetched when one of them asks."""
NAMES = {"prometheus-alertmanager": "alertmanager", "prometheus-blackbox-exporter": "blackbox_exporter"}
TEMPLATES = b"/usr/share/prometheus/alertmanager"
"""Debian's Alertmanager reads its default templates from this folder, which an unpacked copy does not have."""


class ProgramMissing(Away):
    """A program is neither here nor to be fetched; the text says what to do."""


def program(name: str) -> Path:
    """The path of prometheus, promtool, alertmanager or amtool; raises ProgramMissing."""
    for candidate in (FOLDER / "bin" / name, *_on_path(name)):
        if candidate.exists():
            return candidate
    raise ProgramMissing(f"{name} is not here; run `make setup`, or install it and put it on PATH")


def _on_path(name: str) -> list[Path]:
    spellings = [name, *(package for package, plain in NAMES.items() if plain == name)]
    return [Path(found) for spelling in spellings if (found := shutil.which(spelling))]


def fetch() -> None:
    """Put every program that is not on PATH into `.programs/bin`; raises ProgramMissing saying how to help."""
    for package, programs in PACKAGES.items():
        _fetch(package, programs)


def peer(package: str) -> Path:
    """The program of a benchmark's peer, fetched if it is not here; raises ProgramMissing."""
    [name] = PEERS[package]
    if not (FOLDER / "bin" / NAMES.get(name, name)).exists():
        _fetch(package, PEERS[package])
    return program(NAMES.get(name, name))


def unpacked(package: str) -> Path:
    """The files of a package that only tests need, fetched if they are not here; raises ProgramMissing."""
    folder = FOLDER / package
    if not folder.exists():
        print(f"fetching {package} from the distribution", file=sys.stderr)
        _unpack(_download(package), folder)
    return folder


def unpacked_whole(package: str) -> Path:
    """The same with everything the package needs that this machine lacks, all in one folder; safe for two at once."""
    folder = FOLDER / f"{package}-whole"
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"{package}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            print(f"fetching {package} and what it needs from the distribution", file=sys.stderr)
            fresh = folder.with_suffix(".partial")
            shutil.rmtree(fresh, ignore_errors=True)
            for file in [_download(one) for one in _lacking(package)]:
                _add(file, fresh)
            fresh.rename(folder)
    return folder


def _lacking(package: str) -> list[str]:
    """What apt would install here for it, without what is merely recommended."""
    words = ("--simulate", "--no-install-recommends", "install", package)
    told = _apt_tells(*words)
    if told is None:
        options = _own_lists()
        told = _apt_tells(*options, *words) if _apt(FOLDER, *options, "update") else None
    if told is None:
        raise ProgramMissing(f"apt does not know {package}: check the network, or install it once as root")
    return [line.split()[1] for line in told.splitlines() if line.startswith("Inst ")]


def _apt_tells(*words: str) -> str | None:
    done = subprocess.run(["apt-get", *words], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return done.stdout if done.returncode == 0 else None


def _fetch(package: str, programs: tuple[str, ...]) -> None:
    if all(_on_path(NAMES.get(name, name)) for name in programs):
        return
    print(f"fetching {package} from the distribution", file=sys.stderr)
    _unpack(_download(package), FOLDER / package)
    for name in programs:
        _link(FOLDER / package, name)


def _download(package: str) -> Path:
    """The package's file, from apt with lists of our own, so that neither root nor fresh system lists are needed."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise ProgramMissing(
            f"{package} is not on PATH and this is no Debian: install Prometheus and Alertmanager, then try again"
        )
    folder = FOLDER / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    for found in folder.glob(f"{package}_*.deb"):
        found.unlink()
    if not _apt(folder, "download", package):
        options = _own_lists()
        if not (_apt(folder, *options, "update") and _apt(folder, *options, "download", package)):
            raise ProgramMissing(
                f"apt could not download {package}: check the network, or run `apt install {package}` once as root"
            )
    return next(folder.glob(f"{package}_*.deb"))


def _own_lists() -> list[str]:
    state, cache = FOLDER / "apt" / "lists", FOLDER / "apt" / "cache"
    (state / "partial").mkdir(parents=True, exist_ok=True)
    (cache / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    return ["-o", f"Dir::State::lists={state}", "-o", f"Dir::Cache={cache}"]


def _apt(folder: Path, *words: str) -> bool:
    command = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", *words]
    return subprocess.run(command, cwd=folder, check=False, stderr=subprocess.DEVNULL).returncode == 0  # noqa: S603


def _unpack(package: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _add(package, folder)


def _add(package: Path, folder: Path) -> None:
    subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)  # noqa: S603, S607
    package.unlink()


def _link(folder: Path, name: str) -> None:
    """A start script that lets the unpacked program find its files beside it instead of under /usr/share."""
    binary = folder / "usr" / "bin" / name
    command = f'exec "{binary}"'
    if name == "prometheus":
        command += f' --web.local-assets="{folder}/usr/share/prometheus/web/"'
    if name in PACKAGES["prometheus-alertmanager"]:
        _use_own_templates(folder, binary)
        command = f'cd "{folder}" && {command}'
    script = FOLDER / "bin" / NAMES.get(name, name)
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(f'#!/bin/sh\n{command} "$@"\n', encoding="utf-8")
    script.chmod(0o755)


def _use_own_templates(folder: Path, binary: Path) -> None:
    """In the unpacked copy, make the absolute folder of the default templates a relative one of the same length."""
    relative = b"./" + TEMPLATES[2:]
    link = folder / relative.split(b"/")[1].decode()
    if not link.is_symlink():
        link.symlink_to("usr")
    binary.write_bytes(binary.read_bytes().replace(TEMPLATES, relative))


if __name__ == "__main__":
    try:
        fetch()
    except ProgramMissing as error:
        sys.exit(str(error))
