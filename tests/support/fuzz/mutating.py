"""Real data with mistakes in it: what hypothesis gives the targets, where atheris is not there."""

from hypothesis import strategies as st

_TOKENS = (
    *(b"\x00", b"\xff", b"\n", b"\t", b'"', b"\\", b"{", b"}", b"[", b"]", b":", b",", b"-", b"0"),
    *(b"null", b"true", b"1e999", b"-1", b"65536", b"9" * 5000, b"[" * 3000, b'{"a":' * 3000),
    *(b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xed\xa0\x80", b"\\ud800", b"*" * 40, b"&a *a"),
)
_LONGEST = 40


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A seed with a few pieces taken out, doubled, or replaced by something else."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + _LONGEST)))
        piece = draw(st.sampled_from([b"", data[start:end] * 2, *_TOKENS]) | st.binary(max_size=8))
        data = data[:start] + piece + data[end:]
    return data


def inputs(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """Mostly mutated seeds; sometimes any bytes at all."""
    return mutated(seeds) | mutated(seeds) | st.binary(max_size=200)
