"""What is known of the installed packages: a bill of materials, licences, vulnerabilities.

`python .ci/audit.py .venv` writes build/sbom.cdx.json (CycloneDX) and prints the rest. The tools
live in an environment of their own, build/audit. Exit code 1 for a known vulnerability, or for a
licence that nobody has looked at.
"""

import json
import re
import subprocess
import sys
import venv
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
TOOLS = ("pip-audit>=2.10,<3", "pip-licenses>=5.5,<6", "cyclonedx-bom>=7.5,<8")
LICENCES = re.compile(
    r"Apache|BSD|MIT|MPL|Mozilla|ISC|PSF|Python Software|HPND|CNRI|Zlib|Unlicense|Public Domain"
    r"|any-OSI|LGPL|Lesser General",
    re.IGNORECASE,
)
"""Licences with which SenseBind may be used and passed on."""


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of the tools."""
    command = [str(BUILD / "audit/bin" / name), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def licences(python: str) -> list[str]:
    """Print how many packages come under which licence; return those that nobody has looked at."""
    listed = json.loads(tool("pip-licenses", "--python", python, "--format=json").stdout)
    named = {one["Name"]: one["License"].splitlines()[0] for one in listed}
    named.pop("sensebind", None)
    for licence, count in Counter(named.values()).most_common():
        print(f"  {count:3} {licence}")
    return [f"{name}: {licence}" for name, licence in named.items() if not LICENCES.search(licence)]


def vulnerabilities() -> list[str] | None:
    """Return what is known of the versions in constraints.txt; None if nobody answered."""
    done = tool(
        "pip-audit",
        *("--requirement", "constraints.txt", "--no-deps", "--disable-pip"),
        *("--format", "json", "--progress-spinner", "off"),
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        print(f"  {done.stderr.strip().splitlines()[-1][:160]}")
        return None
    skipped = [one for one in packages if "skip_reason" in one]
    if skipped:  # pip-audit itself calls that "no known vulnerabilities"
        print(f"  {len(skipped)} of {len(packages)} packages are unknown to the service")
    if len(skipped) == len(packages):
        return None
    return [
        f"{one['name']} {one['version']}: {found['id']}, fixed in {found['fix_versions']}"
        for one in packages
        for found in one.get("vulns", [])
    ]


def main(environment: str) -> int:
    """Audit an environment."""
    python = str((ROOT / environment / "bin/python").absolute())
    if not (BUILD / "audit/bin/pip-audit").exists():
        venv.create(BUILD / "audit", with_pip=True)
        pip = (str(BUILD / "audit/bin/python"), "-m", "pip", "install", "--quiet", *TOOLS)
        subprocess.run(pip, check=True)
    sbom = BUILD / "sbom.cdx.json"
    tool("cyclonedx-py", "environment", "--output-file", str(sbom), python)
    count = len(json.loads(sbom.read_text())["components"])
    print(f"bill of materials: {count} packages in {sbom.relative_to(ROOT)}")
    print("licences:")
    strange = licences(python)
    print("vulnerabilities:")
    found = vulnerabilities()
    if found is None:
        print("  not known: the service did not answer")
    for line in [*strange, *(found or [])]:
        print(f"  look at {line}")
    return 1 if strange or found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
