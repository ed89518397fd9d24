"""What the curves of a run mean: a title and a sentence each, for TensorBoard and the
report, and what is measured on the samples."""

import dataclasses

LOSS_SCALE = (
    "gradients overflow in float16 while the loss scale is being found: such updates "
    "are left out, and so are their infinite norms in the curves"
)
PARTS = ("a", "b", "own", "others")


@dataclasses.dataclass(frozen=True)
class Curve:
    """title: of the panel; meaning: one sentence, what to look for."""

    title: str
    meaning: str


CURVES = {
    "D": Curve(
        "D: discriminators",
        "0.25: D cannot tell real from made; near 0 for long: D has won, and G learns "
        "little from it.",
    ),
    "D/total": Curve("D/total", "The sum of D/a and D/b, weighted."),
    "D/gradient_norm": Curve(
        "D/gradient_norm",
        "The size of D's gradient before it is clipped; it should not grow for long.",
    ),
    "G/adv": Curve(
        "G/adv: adversarial",
        "Near 0: G deceives D; D and G pull against each other, so it may hover.",
    ),
    "G/translation": Curve(
        "G/translation: distillation, L1",
        "The student's translations against the teacher's; it should fall.",
    ),
    "G/recon": Curve(
        "G/recon: reconstruction, L1",
        "An image against what its own content and style give back; it should fall.",
    ),
    "G/cycle": Curve(
        "G/cycle: cycle, L1",
        "An image against itself translated there and back; it should fall.",
    ),
    "G/kl": Curve(
        "G/kl: KL of z",
        "How far z is from a standard normal; it should stay small and steady.",
    ),
    "G/cycle_kl": Curve(
        "G/cycle_kl: KL of the cycle's z",
        "The same of translations encoded again; it should stay near G/kl.",
    ),
    "G/style": Curve(
        "G/style: perceptual, to the exemplar",
        "How far translations are from their exemplars' style; it should fall.",
    ),
    "G/content": Curve(
        "G/content: perceptual, to the source",
        "How far translations are from their sources; it falls, but not to 0, as the "
        "style counts here, too.",
    ),
    "G/total": Curve("G/total", "The sum of G's losses, weighted; it should fall."),
    "G/gradient_norm": Curve(
        "G/gradient_norm",
        "The size of G's gradient before it is clipped; it should not grow for long.",
    ),
    "learning_rate": Curve(
        "learning rate", "Adam's rate, which falls to 0 at the last step."
    ),
    "sample/recon": Curve(
        "sample/recon: reconstruction, L1, of the samples",
        "As G/recon, by the averaged weights; it should fall.",
    ),
    "sample/style": Curve(
        "sample/style: style codes of the samples",
        "How far translations are from their own exemplar and from other exemplars; "
        "own should fall below others.",
    ),
    "sample/d_accuracy": Curve(
        "sample/d_accuracy: D on the samples",
        "How much of real and made D tells apart: 0.5: nothing; 1: all, it has won.",
    ),
}


def split(name):
    """(group, part) of a name in the logs: "G/recon_a" is part "a" of "G/recon", and
    what has no parts is a group of its own, with the part ""."""
    group, _, part = name.rpartition("_" if "_" in name else "/")
    return (group, part) if part in PARTS else (name, "")


def of_group(group):
    """The Curve of a group; of one that is not known, its name alone."""
    return CURVES.get(group, Curve(group.replace("_", " "), ""))
