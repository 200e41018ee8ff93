"""Writes a wheel: `wheel.py DESCRIPTION_JSON OUTPUT`; the same input gives the same bytes."""

import base64
import hashlib
import json
import sys
import zipfile

# The earliest time that a zip file can hold.
EPOCH = (1980, 1, 1, 0, 0, 0)


def metadata_text(wheel):
    lines = ["Metadata-Version: 2.1", f"Name: {wheel['distribution']}"]
    lines.append(f"Version: {wheel['version']}")
    for key, title in (
        ("summary", "Summary"),
        ("license", "License"),
        ("python_requires", "Requires-Python"),
        ("description_content_type", "Description-Content-Type"),
    ):
        if wheel[key]:
            lines.append(f"{title}: {wheel[key]}")
    lines += [f"Project-URL: {name}, {url}" for name, url in wheel["project_urls"].items()]
    lines += [f"Classifier: {name}" for name in wheel["classifiers"]]
    text = "\n".join(lines) + "\n"
    if wheel["description"]:
        with open(wheel["description"], encoding="utf-8") as file:
            text += "\n" + file.read()
    return text


def entry_points_text(wheel):
    parts = []
    for group, entries in sorted(wheel["entry_points"].items()):
        parts.append("\n".join([f"[{group}]", *sorted(entries)]) + "\n")
    return "\n".join(parts)


def place_of(path, prefixes):
    for prefix in prefixes:
        if path.startswith(prefix):
            return path[len(prefix) :].lstrip("/")
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        wheel = json.load(file)
    info = f"{wheel['distribution']}-{wheel['version']}.dist-info"
    contents = {}
    for path, short_path in wheel["files"].items():
        contents[place_of(short_path, wheel["strip_path_prefixes"])] = read(path)
    for path, place in wheel["extra_distinfo_files"].items():
        contents[f"{info}/{place}"] = read(path)
    pure = "true" if wheel["tag"].endswith("-any") else "false"
    header = f"Wheel-Version: 1.0\nGenerator: bazel\nRoot-Is-Purelib: {pure}\n"
    contents[f"{info}/WHEEL"] = f"{header}Tag: {wheel['tag']}\n".encode()
    contents[f"{info}/METADATA"] = metadata_text(wheel).encode()
    if wheel["entry_points"]:
        contents[f"{info}/entry_points.txt"] = entry_points_text(wheel).encode()
    record = []
    for place, data in sorted(contents.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        record.append(f"{place},sha256={digest},{len(data)}")
    record.append(f"{info}/RECORD,,")
    contents[f"{info}/RECORD"] = ("\n".join(record) + "\n").encode()
    with zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED) as archive:
        for place, data in sorted(contents.items()):
            entry = zipfile.ZipInfo(place, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)


main()
