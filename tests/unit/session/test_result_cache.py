"""For which queries it is worth keeping rows."""

from session.result_cache import ResultCache


def test_a_shape_that_is_never_found_is_seldom_asked_for_until_it_is() -> None:
    cache = ResultCache(1 << 20)
    for _ in range(64):
        assert cache.is_worth("point")
        cache.note("point", found=False)
    assert [cache.is_worth("point") for _ in range(160)].count(True) == 10
    assert cache.is_worth("another")
    cache.note("point", found=True)
    assert all(cache.is_worth("point") for _ in range(160))


def test_what_is_known_of_shapes_is_bounded() -> None:
    cache = ResultCache(1 << 20)
    for number in range(5_000):
        cache.note(str(number), found=False)
    assert len(vars(cache)["_vain"]) <= 1_000
