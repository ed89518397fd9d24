"""The images of one domain before they are decoded: each is read on its own."""


class Listing:
    """What every listing of `egsc_tf.data.listings` has.

    Attributes:
      where: what messages call it: a folder, a split.
      home: the absolute path of it, and what of it is read.
      count: how many images, in an order that never changes.
      place: what the names begin with, which changes where the data are moved.
    """

    where, home, count, place = "", "", 0, ""

    def key(self, index):
        """The name of an image, or bytes of it, that is the same in a copy."""
        return self.name(index).removeprefix(self.place)

    def name(self, index):
        """What messages call an image."""
        raise NotImplementedError

    def read(self, index):
        """The images.Picture of an image. Raises images.BadImage naming it."""
        raise NotImplementedError

    def mark(self, index):
        """An integer in [0, 2**64) of the encoded image, at no cost: it is the same in
        a copy, and hardly the same of another image; 0: unknown."""
        raise NotImplementedError

    def version(self, index):
        """Text with the image's path and what changes when it is written: size and
        modification time. Raises images.BadImage naming it."""
        raise NotImplementedError
