"""What is told of an error that nobody has foreseen: where, and nothing of what."""

import pytest
from mailroom.observability import MAX_CALLS, MAX_CAUSES, stack

SECRET = "bob@example.com wrote: hello"


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as caught:
        return caught


def test_places_and_classes_without_a_text() -> None:
    places = list(stack(raised(ValueError(SECRET), raised(KeyError(SECRET)))))
    assert [place.split(":")[0] for place in places] == [
        "ValueError",
        "mailroom/test_observability.py",
        "KeyError",
        "mailroom/test_observability.py",
    ]
    assert places[1].endswith(" raised")
    assert "bob" not in str(places)


def oversight(*, hides: bool) -> None:
    try:
        raise KeyError(SECRET)
    except KeyError:
        if hides:
            raise ValueError(SECRET) from None
        raise ValueError(SECRET)  # noqa: B904 - that is the oversight


@pytest.mark.parametrize(("hides", "classes"), [(False, ["ValueError", "KeyError"]), (True, ["ValueError"])])
def test_an_error_while_handling_another_tells_both_unless_it_hides_it(hides: bool, classes: list[str]) -> None:
    with pytest.raises(ValueError, match="bob") as caught:
        oversight(hides=hides)
    assert [place for place in stack(caught.value) if ":" not in place] == classes


def test_a_deep_stack_and_a_long_chain_are_cut() -> None:
    def deeper(left: int) -> None:
        if left == 0:
            raise ValueError(SECRET)
        deeper(left - 1)

    with pytest.raises(ValueError, match="bob") as caught:
        deeper(100)
    assert len(list(stack(caught.value))) == 1 + MAX_CALLS
    error: BaseException = ValueError(SECRET)
    for _ in range(10):
        error = raised(ValueError(SECRET), error)
    assert [place for place in stack(error) if ":" not in place] == ["ValueError"] * MAX_CAUSES
