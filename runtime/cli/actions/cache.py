"""What `gradc cache` does."""

from __future__ import annotations

from gradc_runtime.cli.actions.output import counted, size, write, write_json
from gradc_runtime.cpu.objects.object_cache import CacheInfo, cache_clear, cache_info, cache_verify


def info(*, as_json: bool) -> int:
    """Where the cache is, how large, and whether it may be used."""
    found = cache_info()
    if as_json:
        write_json({
            "directory": str(found.directory), "entries": found.entries, "bytes": found.bytes,
            "trusted": found.trusted, "tunings": found.tunings,
        })  # fmt: skip
    else:
        use = "" if found.trusted else "; it is not used, as others could write to it"
        write(f"{found.directory}: {entries(found)}, {size(found.bytes)}{use}")
        for text in found.tunings:
            write(f"tuned: {text or 'damaged or not to be trusted'}")
    return 0


def verify(*, as_json: bool) -> int:
    """Name the entries that would not be used; 1 if there are any."""
    bad, found = cache_verify(), cache_info()
    total = found.entries + len(found.tunings)
    if as_json:
        write_json({"entries": total, "rejected": [path.name for path in bad]})
    else:
        for path in bad:
            write(f"{path}: damaged or not to be trusted; it will be built again")
        write(f"of {entries(found)}, {total - len(bad)} are whole")
    return 1 if bad else 0


def clear(*, as_json: bool) -> int:
    """Remove everything."""
    before = cache_info()
    count = cache_clear()
    if as_json:
        write_json({"removed": count, "bytes": before.bytes})
    else:
        write(f"{entries(before)} removed, {size(before.bytes)}")
    return 0


def entries(found: CacheInfo) -> str:
    """`1 kernel`, `12 kernels and 1 tuning`."""
    tunings = f" and {counted(len(found.tunings), 'tuning')}" if found.tunings else ""
    return counted(found.entries, "kernel") + tunings
