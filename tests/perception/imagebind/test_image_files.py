"""Images as people's programs write them, turned, deep or transparent, are read as seen."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from sensebind.errors import InputError
from sensebind.perception.imagebind import ImageBindProcessor, ProcessorSettings
from sensebind.perception.imagebind.preprocess.image import eight_bits, read_image
from sensebind.perception.imagebind.preprocess.planes import disparity, heat, read_plane
from sensebind.perception.imagebind.processor import ImageSettings

SEEN = np.zeros((60, 90, 3), np.uint8)  # left red, right blue, a bright strip above
SEEN[:, :45], SEEN[:, 45:], SEEN[:10] = (200, 30, 30), (30, 30, 200), 240
GREY = np.asarray(Image.fromarray(SEEN).convert("L"))
STORED = {  # what a sensor that is held otherwise stores, by EXIF orientation
    1: SEEN,
    2: SEEN[:, ::-1],
    3: SEEN[::-1, ::-1],
    4: SEEN[::-1],
    5: SEEN.transpose(1, 0, 2),
    6: np.rot90(SEEN),
    7: np.rot90(SEEN, 2).transpose(1, 0, 2),
    8: np.rot90(SEEN, -1),
}


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(bits: int, samples: np.ndarray, *extra: bytes, palette: bool = False) -> bytes:
    """A PNG of 1 to 16 bits, built as its specification has it."""
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[1 if samples.ndim == 2 else samples.shape[2]]
    colour = 3 if palette else colour
    height, width = samples.shape[:2]
    lines = b""
    for row in samples.reshape(height, -1):
        whole = "".join(f"{int(one):0{bits}b}" for one in row)
        whole += "0" * (-len(whole) % 8)
        lines += b"\0" + int(whole, 2).to_bytes(len(whole) // 8, "big")
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(extra) + body


def png16(samples: np.ndarray, *extra: bytes) -> bytes:
    return png(16, samples, *extra)


def assert_seen(found: np.ndarray, expected: np.ndarray, tolerance: float = 0) -> None:
    assert found.shape == (*expected.shape[:2], 3) and found.dtype == np.uint8
    wide = expected if expected.ndim == 3 else expected[..., None]
    assert np.abs(found.astype(int) - wide).mean() <= tolerance


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff"])
def test_images_are_turned_as_exif_says(tmp_path: Path, orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
    options = {"lossless": True} if kind == "webp" else {"quality": 95} if kind == "jpeg" else {}
    stored.save(tmp_path / "p", kind, exif=exif, **options)
    assert_seen(read_image(tmp_path / "p"), SEEN, 3 if kind == "jpeg" else 0)
    grey = read_plane(tmp_path / "p", "thermal")
    assert np.abs(grey.astype(int) - GREY).mean() <= (3 if kind == "jpeg" else 0)


def test_deep_images_are_turned_once(tmp_path: Path) -> None:
    body = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x0112, 3, 1, 6, 0, 0)
    deep = np.ascontiguousarray(STORED[6]).astype(np.uint16) * 257
    (tmp_path / "p.png").write_bytes(png16(deep, chunk(b"eXIf", body)))
    assert_seen(read_image(tmp_path / "p.png"), SEEN)
    (tmp_path / "p.png").write_bytes(png16(deep[..., 0], chunk(b"eXIf", body)))
    np.testing.assert_array_equal(
        read_plane(tmp_path / "p.png", "depth"), SEEN[..., 0].astype(np.uint16) * 257
    )


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0MM\0*\0\0\xff\xff", b"nonsense"])
def test_broken_exif_leaves_the_image(tmp_path: Path, exif: bytes) -> None:
    Image.fromarray(SEEN).save(tmp_path / "p.jpg", exif=exif, quality=95)
    assert_seen(read_image(tmp_path / "p.jpg"), SEEN, 3)


def deep_files() -> dict[str, bytes]:
    """One grey image in every deep form, with the samples that its format asks for."""
    full = GREY.astype(np.uint16) * 257
    twelve = np.rint(GREY * (4095 / 255)).astype(np.uint16)
    found = {
        "png": png16(full),
        "png, 12 of 16 bits, by the specification": png16(
            twelve << 4 | twelve >> 8, chunk(b"sBIT", b"\x0c")
        ),
        "png, 12 of 16 bits, zeros below": png16(twelve << 4, chunk(b"sBIT", b"\x0c")),
        "png, 12 bits in the low ones": png16(twelve, chunk(b"sBIT", b"\x0c")),
        "png, colours, 12 bits in the low ones": png16(
            np.repeat(twelve[..., None], 3, 2), chunk(b"sBIT", b"\x0c\x0c\x0c")
        ),
        "pgm": b"P5\n90 60\n65535\n" + full.astype(">u2").tobytes(),
        "pgm, 12 bits": b"P5 # camera\n90 60\n# of 12 bits\n4095\n"
        + twelve.astype(">u2").tobytes(),
        "pgm in letters": b"P2 90 60 4095\n" + " ".join(map(str, twelve.flat)).encode(),
        "ppm, 12 bits": b"P6 90 60 4095\n" + np.repeat(twelve, 3).astype(">u2").tobytes(),
    }
    for name, samples in {
        "tiff": full,
        "tiff, int32": full.astype(np.int32),
        "tiff, 0 to 1": (GREY / 255).astype(np.float32),
        "tiff, 0 to 255": GREY.astype(np.float32),
    }.items():
        out = io.BytesIO()
        Image.fromarray(samples).save(out, "TIFF")
        found[name] = out.getvalue()
    found["tiff, 0 is white"] = tiff(65_535 - full, photometric=0)
    found["tiff, 0 is white, floats"] = tiff((1 - GREY / 255).astype("<f4"), photometric=0)
    found["tiff, big end first"] = tiff(full.astype(">u2"), photometric=1)
    found["tiff, signed"] = tiff(np.rint(GREY * (32_767 / 255)).astype("<i2"), photometric=1)
    return found


def tiff(samples: np.ndarray, photometric: int) -> bytes:
    """A TIFF of one strip, by TIFF 6.0."""
    order = ">" if samples.dtype.byteorder == ">" else "<"
    height, width = samples.shape
    bits, kind = samples.dtype.itemsize * 8, {"i": 2, "f": 3}.get(samples.dtype.kind, 1)
    entries = [
        (256, 3, width),
        (257, 3, height),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, photometric),
        (273, 4, 8),
        (277, 3, 1),
        (278, 3, height),
        (279, 4, samples.nbytes),
        (339, 3, kind),
    ]
    rows = b"".join(
        struct.pack(order + "HHI", tag, kind, 1)
        + (struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value))
        for tag, kind, value in entries
    )
    mark = b"MM" if order == ">" else b"II"
    head = mark + struct.pack(order + "HI", 42, 8 + samples.nbytes)
    return head + samples.tobytes() + struct.pack(order + "H", len(entries)) + rows + bytes(4)


@pytest.mark.parametrize("form", deep_files())
def test_deep_images_equal_their_twin_of_8_bits(tmp_path: Path, form: str) -> None:
    (tmp_path / "p").write_bytes(deep_files()[form])
    assert_seen(read_image(tmp_path / "p"), GREY, 0.5 if "12" in form else 0)


def planes(samples: np.ndarray) -> bytes:
    """A TIFF of 16-bit colours, one plane after the other, by TIFF 6.0 (PlanarConfiguration 2)."""
    height, width = samples.shape[:2]
    size, at = 2 * height * width, 8 + 2 + 10 * 12 + 4
    entries = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, 3, at),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 3, at + 6),
        (277, 3, 1, 3),
        (278, 3, 1, height),
        (279, 4, 3, at + 18),
        (284, 3, 1, 2),
    ]
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    rows = b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    starts = [at + 30 + plane * size for plane in range(3)]
    return (
        head
        + rows
        + struct.pack("<3H3I3I", 16, 16, 16, *starts, size, size, size)
        + (np.moveaxis(samples, 2, 0).astype("<u2").tobytes())
    )


def test_colours_of_16_bits_in_a_tiff_keep_their_low_bytes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A camera of 12 bits in the low ones: by their high bytes alone, all would be 0 to 15."""
    path = tmp_path / "p.tiff"
    twelve = SEEN.astype(np.uint16) * 16
    path.write_bytes(cv2.imencode(".tiff", twelve[..., ::-1])[1].tobytes())
    twin = tmp_path / "twin.png"
    Image.fromarray(SEEN).save(twin)
    assert_seen(read_image(path, range="auto"), read_image(twin, range="auto"))
    assert_seen(read_image(path), np.rint(twelve / 257))
    assert [one.message for one in caplog.records if "p.tiff has more than 8 bits" in one.message]


def test_planes_of_16_bits_apart_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.tiff"
    path.write_bytes(planes(SEEN.astype(np.uint16) * 257))
    with pytest.raises(InputError, match=r"p\.tiff: a TIFF with planes of 16 bits.*interleaved"):
        read_image(path)


def test_a_dark_scene_stays_dark_unless_asked(tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(png16(GREY.astype(np.uint16)))
    assert read_image(tmp_path / "p.png").max() == 1
    assert read_image(tmp_path / "p.png", range="auto").max() == 255
    ask = ImageBindProcessor(ProcessorSettings(image=ImageSettings(size=60, range="auto")))
    assert (
        ask.image(tmp_path / "p.png").max()
        > 1.5
        > ImageBindProcessor().image(tmp_path / "p.png").max()
    )


def test_transparent_images_lie_on_white(tmp_path: Path) -> None:
    hidden = np.dstack([SEEN, np.full(GREY.shape, 255, np.uint8)])
    hidden[30:] = 0
    expected = SEEN.copy()
    expected[30:] = 255
    logo = np.dstack([np.zeros_like(GREY), 255 - GREY])
    forms = {
        "RGBA": (Image.fromarray(hidden), expected, {}),
        "LA": (Image.fromarray(logo), GREY, {}),
        "WEBP": (Image.fromarray(hidden), expected, {"format": "WEBP", "lossless": True}),
        "TIFF": (Image.fromarray(hidden), expected, {"format": "TIFF"}),
    }
    for name, (image, wanted, options) in forms.items():
        image.save(tmp_path / name, **{"format": "PNG", **options})
        assert_seen(read_image(tmp_path / name), wanted)
    red = Image.fromarray(SEEN).quantize(16)
    index = int(np.asarray(red)[59, 0])
    wanted = np.array(red.convert("RGB"))
    wanted[np.asarray(red) == index] = 255
    for name, kind in (("P.png", "PNG"), ("P.gif", "GIF")):
        red.save(tmp_path / name, kind, transparency=index)
        assert_seen(read_image(tmp_path / name), wanted)
    Image.fromarray(SEEN).save(tmp_path / "key.png", transparency=(200, 30, 30))
    keyed = SEEN.copy()
    keyed[(SEEN == (200, 30, 30)).all(axis=2)] = 255
    assert_seen(read_image(tmp_path / "key.png"), keyed)


def test_deep_transparent_images_lie_on_white(tmp_path: Path) -> None:
    deep = np.dstack([SEEN.astype(np.uint16) * 257, np.full(GREY.shape, 65_535, np.uint16)])
    deep[30:] = 0
    expected = SEEN.copy()
    expected[30:] = 255
    (tmp_path / "rgba.png").write_bytes(png16(deep))
    assert_seen(read_image(tmp_path / "rgba.png"), expected)
    (tmp_path / "la.png").write_bytes(png16(deep[..., [1, 3]]))
    assert_seen(read_image(tmp_path / "la.png"), expected[..., 1])
    wanted = SEEN.copy()
    wanted[(SEEN == (200, 30, 30)).all(axis=2)] = 255
    key = struct.pack(">3H", 200 * 257, 30 * 257, 30 * 257)
    (tmp_path / "key.png").write_bytes(png16(SEEN.astype(np.uint16) * 257, chunk(b"tRNS", key)))
    assert_seen(read_image(tmp_path / "key.png"), wanted)
    grey = np.where(SEEN[..., 0] == 240, 255, SEEN[..., 0])
    key = struct.pack(">H", 240 * 257)
    body = png16(SEEN[..., 0].astype(np.uint16) * 257, chunk(b"tRNS", key))
    (tmp_path / "grey.png").write_bytes(body)
    assert_seen(read_image(tmp_path / "grey.png"), grey)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("high_bits", [0, 0xFFFF])
def test_the_transparent_grey_of_a_png_is_one_of_its_samples(
    tmp_path: Path, bits: int, high_bits: int
) -> None:
    """PNG (third edition, 11.3.1.1): in the file's units; what lies above its bits is masked."""
    top = (1 << bits) - 1
    samples = np.unique(np.linspace(0, top, 16).astype(np.uint16))[None]
    declared = chunk(b"sBIT", bytes([bits]))  # says nothing new: all bits are significant
    for key in samples[0]:
        stored = int(key) | (high_bits & ~top)
        file = tmp_path / f"{key}.png"
        file.write_bytes(png(bits, samples, declared, chunk(b"tRNS", struct.pack(">H", stored))))
        shown = np.where(samples == key, 255, np.rint(samples * (255 / top)))
        assert_seen(read_image(file), shown)
        if bits <= 8:  # deeper ones are measurements, which have no ground
            assert np.array_equal(read_plane(file, "thermal"), shown)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("high_bits", [0, 0xFFFF])
def test_the_transparent_colour_of_a_png_is_one_of_its_samples(
    tmp_path: Path, bits: int, high_bits: int
) -> None:
    top = (1 << bits) - 1
    samples = np.random.default_rng(0).integers(0, top + 1, (1, 8, 3))
    samples[0, 3] = samples[0, 2] ^ [0, 0, 1]  # another colour, if only by one bit
    stored = [int(one) | (high_bits & ~top) for one in samples[0, 2]]
    shown = np.rint(samples * (255 / top))
    shown[0, 2] = 255
    file = tmp_path / "key.png"
    file.write_bytes(png(bits, samples, chunk(b"tRNS", struct.pack(">3H", *stored))))
    assert_seen(read_image(file), shown)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("alpha", [(0,), (255, 0), (128, 255), (0, 40, 255, 90)])
def test_the_transparency_of_a_palette_is_that_of_its_entries(
    tmp_path: Path, bits: int, alpha: tuple[int, ...]
) -> None:
    count = min(1 << bits, 16)
    palette = np.random.default_rng(1).integers(0, 256, (count, 3))
    given = np.array([*alpha, *[255] * 16])[:count, None]
    shown = np.round((palette * given + 255 * (255 - given)) / 255)
    file = tmp_path / "palette.png"
    entries = chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    known = chunk(b"tRNS", bytes(alpha[:count]))
    file.write_bytes(png(bits, np.arange(count)[None], entries, known, palette=True))
    assert_seen(read_image(file), shown[None])


def test_grey_that_is_multiplied_by_its_alpha_is_divided() -> None:
    """TIFF 6.0, ExtraSamples 1, which Pillow reads as mode La."""
    stored = np.array([[[200, 255], [50, 128]]], np.uint8)
    stored[..., 0] = stored[..., 0] * (stored[..., 1] / 255)  # 25 of the 50
    image = Image.frombytes("La", (2, 1), stored.tobytes())
    np.testing.assert_array_equal(eight_bits(image)[0, :, [0, 3]].T, [[200, 255], [49, 128]])


def test_arrays_with_transparency_lie_on_white() -> None:
    processor = ImageBindProcessor()
    clear = np.zeros((40, 40, 4), np.uint8)
    white = np.full((40, 40, 3), 255, np.uint8)
    assert processor.image(clear).equal(processor.image(white))


def test_depth_of_32_bits_is_not_wrapped(tmp_path: Path) -> None:
    millimetres = np.full((8, 8), 70_000, np.int32)
    millimetres[0] = -1
    Image.fromarray(millimetres).save(tmp_path / "d.tif")
    plane = read_plane(tmp_path / "d.tif", "depth")
    assert plane[1, 0] / 1000 == 70
    found = disparity(plane, 0.07)
    assert found[1, 0] == pytest.approx(0.001) and (found[0] == 0).all()
    depth = np.full((2, 3), 2500, ">u2")
    (tmp_path / "d.pgm").write_bytes(b"P5 3 2 10000\n" + depth.tobytes())
    assert (read_plane(tmp_path / "d.pgm", "depth") == 2500).all()


@pytest.mark.parametrize("dead", [0, 65_535])
def test_a_dead_pixel_does_not_flatten_a_thermal_image(dead: int) -> None:
    counts = np.random.default_rng(0).integers(29_000, 31_000, (64, 64)).astype(np.uint16)
    whole, broken = heat(counts), counts.copy()
    broken[3, 3] = broken[20, 20] = dead
    rest = np.ones((64, 64), bool)
    rest[3, 3] = rest[20, 20] = False
    np.testing.assert_allclose(heat(broken)[rest], whole[rest], atol=0.05)
    assert heat(broken)[3, 3] == (0 if dead == 0 else 1)


@pytest.mark.parametrize("samples", [[[70_000, 2]], [[-5, 2]]])
def test_integers_of_unknown_range_are_refused(tmp_path: Path, samples: list[list[int]]) -> None:
    Image.fromarray(np.array(samples, np.int32)).save(tmp_path / "p.tif")
    with pytest.raises(InputError, match=r"p\.tif .* range: auto") as caught:
        read_image(tmp_path / "p.tif")
    assert "\n" not in str(caught.value)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 15),
    st.lists(st.integers(0, 65_535), min_size=4, max_size=4),
    st.integers(0, 3),
)
def test_a_png_is_scaled_by_65535_whenever_its_samples_say_so(
    tmp_path_factory: pytest.TempPathFactory, bits: int, values: list[int], noise: int
) -> None:
    samples = np.array(values, np.uint16).reshape(2, 2)
    file = tmp_path_factory.getbasetemp() / "p.png"
    file.write_bytes(png16(samples, chunk(b"sBIT", bytes([bits])), chunk(b"tEXt", bytes(noise))))
    if samples.max() >= 1 << bits:
        assert_seen(read_image(file), np.rint(samples / 257).astype(np.uint8))
    else:
        assert read_image(file).shape == (2, 2, 3)


def test_what_pillow_turns_is_turned_once(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(STORED[6])).save(tmp_path / "p.tif", exif=exif)
    with Image.open(tmp_path / "p.tif") as image:
        np.testing.assert_array_equal(np.asarray(ImageOps.exif_transpose(image)), SEEN)
    assert_seen(read_image(tmp_path / "p.tif"), SEEN)


def test_signed_samples_of_8_bits_are_not_taken_for_unsigned(tmp_path: Path) -> None:
    signed = np.array([[0, 64], [100, 127]], np.uint8)
    Image.fromarray(signed).save(tmp_path / "p.tif", tiffinfo={339: 2})  # SampleFormat, TIFF 6.0
    assert read_image(tmp_path / "p.tif")[..., 0].tolist() == [[0, 129], [201, 255]]
    Image.fromarray(signed + np.uint8(60)).save(tmp_path / "p.tif", tiffinfo={339: 2})
    with pytest.raises(InputError, match="holds negative values, to -96"):
        read_image(tmp_path / "p.tif")


def test_what_is_no_known_picture_is_said_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(b"P7\nWIDTH 1\n")
    with pytest.raises(InputError, match=r"p\.png is not a picture, or of a kind that is not read"):
        read_image(tmp_path / "p.png")


def test_transparent_measurements_are_none(tmp_path: Path) -> None:
    """A pixel that is not there has no depth (PNG, tRNS and alpha), whatever is stored for it."""
    grey = np.array([[1000, 2000, 3000], [4000, 2000, 9000]], np.uint16)
    alpha = np.where(grey == 2000, 0, 65_535).astype(np.uint16)
    file = tmp_path / "d.png"
    for data in (png16(grey, chunk(b"tRNS", b"\x07\xd0")), png16(np.dstack([grey, alpha]))):
        file.write_bytes(data)
        plane = read_plane(file, "depth", transparent=0)
        assert plane.dtype == np.uint16
        np.testing.assert_array_equal(plane, np.where(grey == 2000, 0, grey))
        heat_of = read_plane(file, "thermal")
        assert heat_of.dtype == np.uint16 and heat_of.min() == 1000
        assert heat_of[0, 1] == 1000 and heat_of[1, 2] == 9000
        tensor = ImageBindProcessor().depth(file)
        assert tensor.equal(ImageBindProcessor().depth(plane))


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_measurements_in_three_equal_channels_are_one(tmp_path: Path, ending: str) -> None:
    millimetres = np.arange(400, 400 + 48 * 64, dtype=np.uint16).reshape(48, 64)
    grey, wide = tmp_path / f"grey{ending}", tmp_path / f"wide{ending}"
    cv2.imwrite(str(grey), millimetres)
    cv2.imwrite(str(wide), np.repeat(millimetres[..., None], 3, axis=2))
    assert read_plane(wide, "thermal").tolist() == millimetres.tolist()
    assert ImageBindProcessor().depth(wide).equal(ImageBindProcessor().depth(grey))
    assert ImageBindProcessor().thermal(wide).equal(ImageBindProcessor().thermal(grey))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_colours_are_no_depth(tmp_path: Path, kind: type) -> None:
    colours = np.full((48, 64, 3), 1000 % (np.iinfo(kind).max + 1), kind)
    colours[..., 1] += 1  # of 16 bits, only the low byte differs
    cv2.imwrite(str(tmp_path / "p.png"), colours)
    with pytest.raises(InputError, match=r"p\.png holds colours, not measurements"):
        ImageBindProcessor().depth(tmp_path / "p.png")
    assert read_plane(tmp_path / "p.png", "thermal").dtype == np.uint8
