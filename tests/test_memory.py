"""What refers to itself is let go of at once, and memory is given back where the C library can."""

import weakref

import pytest

from edgeswap.system.memory import give_back


class Ring:
    """Refers to itself, as a Keras model does."""

    def __init__(self):
        self.itself = self


@pytest.mark.slow
def test_what_refers_to_itself_is_gone():
    gone = weakref.ref(Ring())
    assert gone() is not None
    give_back()
    assert gone() is None
