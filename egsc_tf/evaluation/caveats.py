"""When scores mean little, in words: decided here, shown wherever scores are."""

from egsc_tf.domains import DOMAINS

FEW = 30  # test images of a domain, for any score
FID_IMAGES, KID_IMAGES = 1000, 100
LOPSIDED = 10  # times as many images in one domain as in the other


def of(results, trained_on):
    """What to keep in mind about scores: lines, [] where nothing is.

    Args:
      results: of egsc_tf.evaluate: settings, test_images, and, of FID,
        extractor_features.
      trained_on: {domain: number of training images}, or {} where it was not noted.
    """
    tested, metrics = results["test_images"], results["settings"]["metrics"]
    fewest = min(tested.values())
    both = " and ".join(f"{tested[domain]:,} of {domain}" for domain in DOMAINS)
    lines = []
    if fewest < FEW:
        lines.append(
            f"Only {both} were scored: fewer than {FEW} test images. Other images of "
            "the same kind may give quite other scores."
        )
    needed = max(FID_IMAGES, results.get("extractor_features", 0))
    if "fid" in metrics and fewest < needed:
        lines.append(
            f"FID of {both}: fewer than {needed:,} test images make it too large. "
            "Compare it only with FIDs of as many images."
        )
    if "kid" in metrics and fewest < KID_IMAGES:
        lines.append(
            f"KID of {both}: with fewer than {KID_IMAGES} test images it depends much "
            "on which they are."
        )
    for name, sizes in (("Training", trained_on), ("Test", tested)):
        if sizes and max(sizes.values()) >= LOPSIDED * min(sizes.values()):
            counted = " against ".join(f"{sizes[d]:,} of {d}" for d in DOMAINS)
            lines.append(
                f"{name} images: {counted}. The scores of the two directions cannot be "
                "compared, and the small domain may be learned by heart."
            )
    return lines
