"""The metrics by name: which there are, which fit a run, what computes them."""

from egsc_tf.data.source import check as check_data
from egsc_tf.domains import DOMAINS
from egsc_tf.errors import UserError
from egsc_tf.evaluation import digit_cases
from egsc_tf.evaluation.context import extractor_of
from egsc_tf.evaluation.evaluators import (
    digits,
    distribution,
    exemplars,
    masks,
    perceptual,
    segmentation,
    segmentation_transfer,
    transfer,
    tsne,
)
from egsc_tf.evaluation.settings import DIGITS, JUDGED, LABELLED, METRICS, SCENES
from egsc_tf.metrics import digit_classifier, extractors, frechet, kind_classifier
from egsc_tf.models import vgg
from egsc_tf.runtime.flags import settings_of, without_effect

# What the numbers depend on beside the settings, for results.json.
CONSTANTS = {
    "diversity": {
        "sources": perceptual.DIVERSITY_CONTENTS,
        "exemplars": perceptual.DIVERSITY_EXEMPLARS,
    },
    "exemplars_ranked": exemplars.RANKED,
    "judge_steps": digit_classifier.STEPS,
    "kid_subset": frechet.SUBSET,
    "kind_classifier_steps": kind_classifier.STEPS,
    "perceptual_images": perceptual.CURVE_IMAGES,
    "segmentation_transfer_images": segmentation_transfer.TRAINED_ON,
    "transfer_images": transfer.TRANSFER_IMAGES,
}


EVALUATORS = (
    (digits.digits_scores, DIGITS),
    (distribution.distribution, ("fid", "kid")),
    (perceptual.perceptual_distances, ("perceptual",)),
    (perceptual.diversity, ("diversity",)),
    (exemplars.exemplar_rank, ("exemplar_rank",)),
    (exemplars.exemplar_kind, ("exemplar_kind",)),
    (tsne.tsne, ("tsne",)),
    (transfer.transfer, ("transfer",)),
    (
        segmentation.semantic_consistency,
        JUDGED,
    ),
    (segmentation_transfer.segmentation_transfer, ("segmentation_transfer",)),
    (masks.mask_regions, ("mask_regions",)),
)


def choose(names, config, settings):
    """The metrics to compute: those named, or those that fit the data set.

    Raises:
      UserError: for an unknown metric, one that does not fit the data set, one whose
        settings are missing, and a setting that none of the metrics uses.
    """
    for name in names:
        if name not in METRICS:
            raise UserError(
                f"--metrics: expected some of {', '.join(METRICS)}; found {name!r}"
            )
    known = digit_cases.known(config)
    for name in {*DIGITS, "transfer"} & set(names):
        if not known:
            raise UserError(
                f"--metrics={name}: expected a run of digits, whose right answers are "
                f"known; found --dataset={config.dataset}"
            )
    if "transfer" in names and digit_cases.are_boards(config):
        raise UserError("--metrics=transfer: expected single digits, found boards")
    for name in names:
        if name not in SCENES:
            continue
        if known:
            raise UserError(f"--metrics={name}: expected scenes, found digits")
        if name in JUDGED and not settings.segmentation_model:
            raise UserError(
                f"--metrics={name}: expected --segmentation_model, found none"
            )
        if name in LABELLED:
            segmentation.check_labels(name, config, settings)
    if "mask_regions" in names and not config.use_masks:
        raise UserError(
            "--metrics=mask_regions: expected a run with masks, found --nouse_masks"
        )
    if "segmentation_transfer" in names and not settings.segmentation_seeds:
        raise UserError("--segmentation_seeds: expected a seed or more, found none")
    are_single = digit_cases.are_single(config)
    if settings.extractor == extractors.CLASSIFIER and not are_single:
        raise UserError(
            f"--extractor={settings.extractor}: expected single digits, found "
            f"{config.dataset}"
        )
    chosen = tuple(names) or (DIGITS if known else ("fid", "kid", "perceptual"))
    for field in settings_of(settings):
        use, value = field.metadata["use"], getattr(settings, field.name)
        if use and value != field.default and not use.holds(chosen):
            raise without_effect(field.name, value, use, {"metrics": chosen})
    return chosen


def check_files(names, config, settings):
    """Raises UserError where data or files that these metrics need are not there."""
    check_data(config, "test")
    if settings.extractor:
        extractors.check(settings.extractor)
    if needs_phi(names, extractor_of(settings, config)):
        vgg.check(settings.perceptual_network or config.perceptual_network)
    if "exemplar_kind" in names:
        exemplars.check_kinds(config, settings)
    if {*SCENES} & {*names}:
        segmentation.check_files(config, settings, names)


def needs_phi(names, extractor):
    """Whether the perceptual network has a part in these metrics."""
    features = {"fid", "kid"} & {*names} and extractor == extractors.PERCEPTUAL
    own = {"perceptual", "diversity", "exemplar_rank"}
    return bool(own & {*names} or features)


def load_networks(context, names):
    """Loads those of Keras that these metrics need, which may have to be downloaded.

    Raises:
      UserError: where they cannot be had.
    """
    extractor = extractor_of(context.settings, context.config)
    if needs_phi(names, extractor):
        context.phi()
    if {"fid", "kid"} & {*names} and extractor != extractors.CLASSIFIER:
        context.extractor(DOMAINS[0])


def of(names):
    """The evaluators that compute these metrics."""
    return [f for f, own in EVALUATORS if set(own) & set(names)]
