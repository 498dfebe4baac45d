"""ImageNet's archives: members of other sizes, kinds and names, and damaged bytes."""

import io
import tarfile

from aff.data.archives import open_train, open_val

KINDS = (
    *(tarfile.REGTYPE, tarfile.GNUTYPE_SPARSE, tarfile.XHDTYPE, tarfile.XGLTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.SOLARIS_XHDTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, b"?"),
)
SIZES = (-1, -512, -(2**60), 0, 1, 511, 512, 2**31, 2**33, 2**62, -(2**63), 10**6)
PAX = (
    *(
        b"30 GNU.sparse.major=1\n29 GNU.sparse.minor=0\n",
        b"12 size=-512\n",
        b"20 size=" + b"9" * 30,
    ),
    *(b"9999999999 path=x\n", b"-1 path=x\n", b"x", b"", b"10 path=\0\n", b"11 path=\x1b[2J\n"),
    *(b"25 GNU.sparse.numblocks=999999999\n", b"13 GNU.sparse.map=1,2\n", b"=" * 5000),
)


def member(name, content, rng):
    """A tar member, a quarter of them with something wrong."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    if rng.random() < 0.25:
        change = rng.random()
        if change < 0.4:
            info.size = rng.choice(SIZES)
        elif change < 0.8:
            info.type = rng.choice(KINDS)
            content = rng.choice(PAX)
            info.size = rng.choice((len(content), rng.choice(SIZES)))
        else:
            info.name = rng.choice(
                ("", "x" * 99, "\x1b[2J.jpg", "../../x.jpg", "/x.tar", "a\nb.tar")
            )
    head = info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
    return head + content + bytes(-len(content) % 512)


def archive(files, rng):
    """A tar file of these members."""
    content = b"".join(member(name, data, rng) for name, data in files.items())
    content += bytes(1024) if rng.random() < 0.9 else b""
    if rng.random() < 0.2:
        content = bytearray(content)
        for _ in range(rng.randint(1, 5)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        content = bytes(content[: rng.randrange(len(content) + 1)])
    return content


def tries(folder, rng, times):
    """Archives of either kind, and their images read."""
    path, labels = folder / "x.tar", folder / "labels.txt"
    labels.write_text("n1\nn2\n")

    def read(images):
        for index in range(len(images)):
            images.read(index)
        images.fingerprint()

    picture = io.BytesIO(bytes(700)).getvalue()
    for _ in range(times):
        images = {"a.jpg": picture, "b.jpg": picture}
        inner = {f"n{number}.tar": archive(images, rng) for number in range(2)}
        path.write_bytes(archive(inner, rng))
        yield "training archive", lambda: read(open_train(str(path)))
        path.write_bytes(archive(images, rng))
        yield "validation archive", lambda: read(open_val(str(path), str(labels)))
    for size in SIZES:  # holes that claim what they do not hold
        path.write_bytes(archive({"a.jpg": picture}, rng))
        with path.open("r+b") as file:
            file.truncate(max(512, min(size, 2**40)))
        yield "sparse file", lambda: read(open_val(str(path), str(labels)))
