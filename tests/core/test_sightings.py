"""What a hunt keeps of watched hits: each once, however many and in whatever order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.sightings import Place, Sighting, Sightings

texts = st.sampled_from(["a", "b", "", "é", "\udcff", "\0a:1"])
places = st.builds(Place, texts, st.integers(0, 3), texts, st.just("x/y"))
values = st.tuples(st.none() | texts.filter(str.isprintable) | st.lists(st.integers()))
sightings = st.builds(Sighting, st.sampled_from("rs"), texts, st.integers(0, 2), places, values)


@given(st.lists(sightings, max_size=30), st.integers(1, 40))
def test_of_copies_the_one_of_the_least_place_is_kept_in_memory_and_beyond(given_, room):
    seen = Sightings(room)
    for one in given_:
        seen.add(one)
    least = {}
    for one in given_:
        key = (one.rule, one.id, one.time)
        if key not in least or one.place < least[key].place:
            least[key] = one
    assert sorted(seen, key=repr) == sorted(least.values(), key=repr)
    assert sorted(seen, key=repr) == sorted(least.values(), key=repr)
