"""Numbers of things, as people write them."""


def how_many(number: int, things: str) -> str:
    """Write ``1 message`` and ``2 messages``, from the word for many."""
    if number != 1:
        return f"{number} {things}"
    one = f"{things[:-3]}y" if things.endswith("ies") else things.removesuffix("es" if things.endswith("xes") else "s")
    return f"1 {one}"
