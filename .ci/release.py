"""What a release does the same way every time; CONTRIBUTING.md says when.

    python3 .ci/release.py version 0.2.0          # writes the version, closes "Unreleased"
    python3 .ci/release.py check [v0.2.0]         # fails unless everything names one version
    python3 .ci/release.py address URL v0.2.0     # the README and project URLs for a package index

The repository does not know its own address. The wheels workflow does, and passes it to `address`
before it builds the source distribution, from which all wheels are made.
"""

from __future__ import annotations

import argparse
import re
import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]

# file -> where its version is
VERSIONS = {
    "CMakeLists.txt": r"(?m)^project\(rnnext VERSION (\S+)",
    "CITATION.cff": r"(?m)^version: (\S+)$",
    ".ci/conda/recipe.yaml": r'(?m)^  version: "(\S+)"$',
}
RELEASES = r"(?m)^## \[(\d+\.\d+\.\d+)\]"  # sections of CHANGELOG.md
PICTURES = {".png", ".svg"}


class ReleaseError(Exception):
    """The tree is not as a release needs it."""


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def write(name: str, text: str) -> None:
    (ROOT / name).write_text(text, "utf-8")


def found_version(name: str) -> str:
    match = re.search(VERSIONS[name], read(name))
    if match is None:
        raise ReleaseError(f"{name} has no version.")
    return match[1]


def as_numbers(version: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise ReleaseError(f"A version is three numbers, as in 0.2.0, not '{version}'.")
    return tuple(map(int, version.split(".")))


def set_version(version: str) -> None:
    """Writes the version everywhere, and today's section of CHANGELOG.md.

    Raises:
        ReleaseError: The version is smaller than the present one, or released already.
    """
    if as_numbers(version) < as_numbers(found_version("CMakeLists.txt")):
        raise ReleaseError(f"{version} is smaller than {found_version('CMakeLists.txt')}.")
    changes, today = read("CHANGELOG.md"), date.today().isoformat()
    if version in re.findall(RELEASES, changes):
        raise ReleaseError(f"CHANGELOG.md has a section of {version} already.")
    if "## [Unreleased]\n" not in changes:
        raise ReleaseError("CHANGELOG.md has no section '## [Unreleased]'.")
    changes = changes.replace("[Unreleased]\n", f"[Unreleased]\n\n## [{version}] - {today}\n", 1)
    write("CHANGELOG.md", changes)
    for name, pattern in VERSIONS.items():
        text = read(name)
        match = re.search(pattern, text)
        assert match is not None, name
        write(name, text[: match.start(1)] + version + text[match.end(1) :])
    citation = re.sub(r"(?m)^date-released: .*\n", "", read("CITATION.cff"))
    line = f"version: {version}\n"
    write("CITATION.cff", citation.replace(line, f"{line}date-released: {today}\n"))
    print(f"git commit -am 'Version {version}' && git tag v{version}")


def check(tag: str | None) -> None:
    """Raises ReleaseError unless all versions agree, with the tag if there is one."""
    versions = {name: found_version(name) for name in VERSIONS}
    if tag is not None:
        versions["the tag"] = tag.removeprefix("v")
        versions["CHANGELOG.md"] = (re.findall(RELEASES, read("CHANGELOG.md")) or ["none"])[0]
    if len(set(versions.values())) > 1:
        raise ReleaseError(
            "Versions differ: " + ", ".join(f"{name} {found}" for name, found in versions.items())
        )
    print(versions["CMakeLists.txt"])


def set_address(address: str, tag: str) -> None:
    """Makes the README's links absolute and adds project URLs to pyproject.toml.

    What the README installs from a clone becomes what a reader of an index installs.

    Raises:
        ReleaseError: A link of the README leads nowhere, or there are project URLs already.
    """

    def absolute(match: re.Match[str]) -> str:
        path = ROOT / match[1].partition("#")[0]
        if not path.exists():
            raise ReleaseError(f"README.md links to {match[1]}, which does not exist.")
        kind = "tree" if path.is_dir() else "raw" if path.suffix in PICTURES else "blob"
        return f"]({address}/{kind}/{tag}/{match[1]})"

    project = read("pyproject.toml")
    if "[project.urls]" in project:
        raise ReleaseError("pyproject.toml has project URLs already.")
    urls = {
        "Repository": address,
        "Documentation": f"{address}/tree/{tag}/docs",
        "Changelog": f"{address}/blob/{tag}/CHANGELOG.md",
        "Issues": f"{address}/issues",
    }
    table = "\n".join(f'{name} = "{url}"' for name, url in urls.items())
    readme = re.sub(r"\]\((?!https?:|#)([^)\s]+)\)", absolute, read("README.md"))
    readme = re.sub(r"pip install \. .*", "pip install rnnext    # Python 3.10 or newer", readme)
    write("README.md", readme.replace("pip install '.[", "pip install 'rnnext["))
    scripts = "[project.scripts]"
    write("pyproject.toml", project.replace(scripts, f"[project.urls]\n{table}\n\n{scripts}", 1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("version", help="write a version everywhere")
    command.add_argument("version")
    command.set_defaults(run=lambda a: set_version(a.version))
    command = commands.add_parser("check", help="fail unless all versions agree")
    command.add_argument("tag", nargs="?")
    command.set_defaults(run=lambda a: check(a.tag))
    command = commands.add_parser("address", help="make links absolute, and more")
    command.add_argument("address", help="of the repository, without a slash at the end")
    command.add_argument("tag")
    command.set_defaults(run=lambda a: set_address(a.address, a.tag))
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
