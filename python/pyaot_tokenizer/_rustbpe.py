"""What rustbpe's tokenizer has besides: training in place, and its names for the rest."""

from __future__ import annotations

from typing import Iterable, List, Optional, Sequence, SupportsIndex, Tuple

from ._encoding import Encoder
from ._loading import Loader
from .errors import InvalidTypeError


class RustBpe(Loader, Encoder):
    """The calls by their names in rustbpe 0.1.0."""

    __slots__ = ()

    def train_from_iterator(
        self,
        iterator: Iterable[str],
        vocab_size: SupportsIndex,
        buffer_size: SupportsIndex = 8192,
        pattern: Optional[str] = None,
    ) -> None:
        """Learns a vocabulary, with the arguments and the merges of rustbpe 0.1.0.

        `Trainer` has more options and gives a new tokenizer instead. After an error the tokenizer
        is as it was before.

        Args:
            iterator: Any iterable of str, each a text of its own.
            vocab_size: How many tokens to have at the end, the 256 bytes included; fewer where the
                corpus is small.
            buffer_size: As in rustbpe, where it is how many texts are held at a time; here a few
                megabytes are, whatever it is.
            pattern: What cuts text into pieces; None: rustbpe's default.

        Raises:
            InvalidTypeError: `iterator` is none, or has something that is no str; another argument
                is of the wrong type.
            InvalidValueError: `vocab_size` is below 256 (where rustbpe panics), or `buffer_size` is
                0 (where it hangs); the subclass IntRangeError, which is an OverflowError, where one
                is negative or has too many bits.
            UnsupportedError: The pattern is malformed or cannot be run.
            UnicodeEncodeError: A text or `pattern` has a surrogate.
            MemoryError: Memory ran out.
        """
        from .trainer import learn_ranks  # noqa: PLC0415 (training builds on this module)

        self._load_learnt(*learn_ranks(iterator, vocab_size, buffer_size, pattern))

    def get_pattern(self) -> str:
        """The regular expression that cuts text into pieces, as in rustbpe; "" where none does."""
        return self.pattern or ""

    def get_mergeable_ranks(self) -> List[Tuple[bytes, int]]:
        """The bytes and the id of each token that is no added one, by id, as in rustbpe.

        No two learnt tokens have the same bytes, so a dict of these ranks has them all.
        """
        if self._learnt is not None:
            return [(token, rank) for rank, token in enumerate(self._learnt)]
        return [(token, token_id) for token_id, token in self._ranks()]

    def batch_encode(self, texts: Sequence[str]) -> List[List[int]]:
        """`encode_batch` on all cores, by its name in rustbpe."""
        if isinstance(texts, str):
            raise InvalidTypeError("a sequence of texts is needed, not str")
        return self.encode_batch(texts)
