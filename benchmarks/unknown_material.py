r"""Collects what the weights of SimHome do not know, out of packages that anyone can download.

These are real images, real sounds, scanned and modelled objects.

Download and unpack first, for instance:

    for p in opencv-doc mate-backgrounds tuxpaint-stamps-default sonic-pi-samples alsa-utils \
        asterisk-core-sounds-en-wav libcgal-demo
        do apt-get download $p && dpkg-deb -x $p*.deb x; done
    tar -xzf x/usr/share/doc/libcgal-dev/data.tar.gz -C x
    pip download --no-deps scikit-image scikit-learn && for w in *.whl; do unzip -qo $w -d x; done

then `python benchmarks/unknown_material.py x DIR`. Images and sounds are links to the files.
Objects become clouds of what a lidar of SimHome's resolution sees of them, on the floor in front of
it; size, place and turn come from the name of the file.
"""

import argparse
import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from sensebind.agent.training.guard.outliers import seen_by_lidar

OPENCV = "usr/share/doc/opencv-doc/examples"
STAMPS = "usr/share/tuxpaint/stamps"
SAMPLES = "usr/share/sonic-pi/samples"
CGAL = "data"
IMAGES = (  # photographs, and a few drawings and prints that a camera may be held at
    "skimage/data/{astronaut,brick,camera,cell,chelsea,coffee,coins,color,grass,gravel,ihc}.png",
    "skimage/data/{microaneurysms,moon,motorcycle_left,page,text}.png",
    "skimage/data/{hubble_deep_field,retina,rocket}.jpg",
    "sklearn/datasets/images/{china,flower}.jpg",
    "usr/share/backgrounds/mate/nature/*.jpg",
    OPENCV + "/data/{fruits,baboon,blox,HappyFish,leuvenA,squirrel_cls,home,aloeL,board}.jpg",
    OPENCV + "/data/{starry_night,orange,stuff,licenseplate_motion,messi5,aero1,apple}.jpg",
    OPENCV + "/data/{left01,right05,butterfly,building,ela_original,text_defocus}.jpg",
    OPENCV + "/data/{sudoku,cards,chicky_512,rubberwhale1,smarties,graf1,box_in_scene}.png",
    OPENCV + "/data/basketball1.png",
    OPENCV + "/alphamat/input_images/plant.jpg",
    OPENCV + "/reg/home.png",
    OPENCV + "/text/scenetext0*.jpg",
    OPENCV + "/hfs/data/*.jpg",
)
SOUNDS = (  # recorded, not synthesised
    STAMPS + "/animals/**/*.ogg",
    STAMPS + "/household/{kettle,rubberduck,vacuum_cleaner,Washing-machine}.ogg",
    STAMPS + "/household/tools/*.ogg",
    STAMPS + "/hobbies/**/*.ogg",
    STAMPS + "/naturalforces/*.ogg",
    STAMPS + "/vehicles/emergency/*.ogg",
    SAMPLES + "/ambi_{choir,glass_rub,piano,sauna}.flac",
    SAMPLES + "/guit_*.flac",
    SAMPLES + "/drum_{cymbal_hard,roll,snare_hard,tom_mid_hard}.flac",
    SAMPLES + "/loop_{3d_printer,amen_full,safari,tabla}.flac",
    SAMPLES + "/{misc_crow,misc_burp,perc_door,perc_till,vinyl_hiss}.flac",
    "usr/share/sounds/alsa/Front_*.wav",
    "usr/share/asterisk/sounds/en_US_f_Allison/{auth-incorrect,calling,conf-full,vm-goodbye}.wav",
    "usr/share/asterisk/sounds/en_US_f_Allison/{auth-thankyou,hello-world,queue-thankyou}.wav",
)
SCANNED = (  # of real objects
    OPENCV + "/viz/data/bunny.ply",
    OPENCV + "/surface_matching/data/{parasaurolophus_6700,rs1_normals}.ply",
    CGAL + "/meshes/{armadillo,bunny00,ChineseDragon-10kv,lion-head,nefertiti,mannequin-devil}.off",
    CGAL + "/points_3/{kitten.off,oni.ply,hippo1.ply}",
)
MODELLED = (  # drawn by a person or a program
    CGAL + "/meshes/{anchor,bear,blade,boeing,bones,bull,camel,cow,diplodocus}.off",
    CGAL + "/meshes/{dragknob,elephant,elk,fandisk,femur,hand,head,helmet,homer,joint,knot1}.off",
    CGAL + "/meshes/{lion,man,mushroom,pig,pinion,pipe,rotor,spool,triceratops,tripod,turbine}.off",
)


def expanded(root: Path, patterns: tuple[str, ...]) -> list[Path]:
    """The files of some patterns; `{a,b}` is either, and each pattern must match something."""
    found: list[Path] = []
    for pattern in patterns:
        head, brace, rest = pattern.partition("{")
        names, _, tail = rest.partition("}")
        each = [head + name + tail for name in names.split(",")] if brace else [pattern]
        files = sorted({file for one in each for file in root.glob(one)})
        files = [file for file in files if "_desc" not in file.name]  # words about the picture
        if not files:
            raise SystemExit(f"{root}: nothing matches {pattern}")
        found += files
    return found


def name_of(root: Path, file: Path) -> str:
    """A name for a file that says where it is from."""
    return "-".join(file.relative_to(root).parts[-2:])


def triangles(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [V, 3] and triangles [F, 3] of an OFF or PLY file; no triangles in a cloud."""
    if file.suffix == ".ply":
        return ply(file)
    words = iter(
        word
        for line in file.read_text("latin-1").splitlines()
        for word in line.partition("#")[0].split()
    )
    extra = next(words).upper() != "OFF"
    vertices, faces, _ = (int(next(words)) for _ in range(3))
    if extra:
        raise SystemExit(f"{file}: not a plain OFF file")
    at = np.array([[float(next(words)) for _ in range(3)] for _ in range(vertices)])
    corners = []
    for _ in range(faces):
        polygon = [int(next(words)) for _ in range(int(next(words)))]
        corners += [(polygon[0], *pair) for pair in pairwise(polygon[1:])]
    return at, np.array(corners, np.int64).reshape(-1, 3)


def ply(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """The points of a PLY file; scans are dense enough without their triangles."""
    from sensebind.perception.imagebind.preprocess.point_files import read_points

    return read_points(file)[:, :3].astype(np.float64), np.zeros((0, 3), np.int64)


def surface(
    vertices: np.ndarray, corners: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Points [count, 3] spread evenly over a mesh; the vertices themselves of a cloud."""
    if not len(corners):
        return vertices
    a, b, c = (vertices[corners[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    chosen = rng.choice(len(corners), count, p=area / area.sum())
    u, v = rng.random((2, count, 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    return a[chosen] + u * (b[chosen] - a[chosen]) + v * (c[chosen] - a[chosen])


def turned(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Points [N, 3], sometimes with the longest axis upright: models lie about as they like."""
    order = np.argsort(np.ptp(points, axis=0))
    return points[:, [order[2], order[1], order[0]] if rng.random() < 0.5 else [0, 1, 2]]


def clouds(root: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Names and clouds of the objects."""
    for kind, patterns in (("scanned", SCANNED), ("modelled", MODELLED)):
        for file in expanded(root, patterns):
            name = f"{kind}-{name_of(root, file)}"
            rng = np.random.default_rng(list(hashlib.sha256(name.encode()).digest()[:8]))
            points = surface(*triangles(file), 100_000, rng)
            yield name, seen_by_lidar(turned(points, rng), rng)


def main() -> int:
    """Parse the command line and collect."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packages", type=Path, help="where the packages were unpacked")
    parser.add_argument("material", type=Path, help="folder to make")
    options = parser.parse_args()
    for folder, patterns in (("images", IMAGES), ("sounds", SOUNDS)):
        (options.material / folder).mkdir(parents=True, exist_ok=True)
        for file in expanded(options.packages, patterns):
            link = options.material / folder / name_of(options.packages, file)
            link.unlink(missing_ok=True)
            link.symlink_to(file.resolve())
    (options.material / "clouds").mkdir(parents=True, exist_ok=True)
    for name, cloud in clouds(options.packages):
        np.save(options.material / "clouds" / f"{name}.npy", cloud)
    for folder in ("images", "sounds", "clouds"):
        print(folder, sum(1 for _ in (options.material / folder).iterdir()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
