"""Which way a metric is better, and which spellings mean the same metric.

Rules
1. Case, blanks, `-`, `.` and `/` do not matter: `F1-Score`, `f1 score` and `f1_score` are one spelling.
2. Synonyms share one canonical name: f1_score is f1; roc_auc and auroc are auc; acc is accuracy; log_loss is logloss.
3. A prefix that names the data (`val_`, `test_`, `train_`) keeps two metrics apart, and says nothing about the
   direction. `validation_` is another spelling of `val_`, `training_` of `train_`.
4. Averages (`_macro`, `weighted_`, `_ovr`) and cut-offs (`@5`, `_at_5`) keep metrics apart too, with the same
   direction.
5. A leading `neg_` turns the direction round, as scikit-learn's scorers do.
6. A name of more than 250 characters is no metric's name: it stands for itself.
7. A name that no rule knows has no direction. Guessing would let a metric vote the wrong way.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Direction = Literal["higher", "lower"]

_HIGHER = {
    "accuracy": "acc classification_accuracy accuracy_score",
    "balanced_accuracy": "balanced_accuracy_score bal_acc",
    "f1": "f1_score f1score f_1 f1_measure f_measure",
    "fbeta": "fbeta_score f_beta f_beta_score",
    "auc": "roc_auc auroc auc_roc roc_auc_score rocauc",
    "pr_auc": "auprc auc_pr average_precision average_precision_score prauc",
    "precision": "prec precision_score positive_predictive_value ppv",
    "recall": "recall_score sensitivity true_positive_rate tpr",
    "specificity": "true_negative_rate tnr",
    "r2": "r2_score r_squared r_2 coefficient_of_determination",
    "mcc": "matthews_corrcoef matthews_correlation_coefficient",
    "kappa": "cohen_kappa cohen_kappa_score cohens_kappa",
    "iou": "jaccard jaccard_score jaccard_index mean_iou miou intersection_over_union",
    "dice": "dice_score dice_coefficient",
    "map": "mean_average_precision",
    "ndcg": "ndcg_score",
    "mrr": "mean_reciprocal_rank",
    "explained_variance": "explained_variance_score",
    "exact_match": "exact_match_score",
    "success_rate": "",
    "pass_rate": "",
    "hit_rate": "hit_ratio",
    "top_k_accuracy": "top_k_accuracy_score",
    "silhouette": "silhouette_score",
    "adjusted_rand": "adjusted_rand_score ari adjusted_rand_index",
    "bleu": "bleu_score sacrebleu",
    "rouge": "",
    "rouge1": "rouge_1",
    "rouge2": "rouge_2",
    "rougel": "rouge_l",
    "meteor": "",
    "bertscore": "bert_score",
    "throughput": "qps requests_per_second tokens_per_second",
}
_LOWER = {
    "loss": "",
    "logloss": "log_loss cross_entropy cross_entropy_loss crossentropy binary_crossentropy",
    "error_rate": "misclassification_rate zero_one_loss classification_error",
    "rmse": "root_mean_squared_error root_mean_square_error",
    "mse": "mean_squared_error mean_square_error",
    "mae": "mean_absolute_error",
    "medae": "median_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "smape": "symmetric_mean_absolute_percentage_error",
    "rmsle": "root_mean_squared_log_error",
    "msle": "mean_squared_log_error",
    "max_error": "",
    "error": "",
    "brier": "brier_score brier_score_loss",
    "ece": "expected_calibration_error",
    "hamming": "hamming_loss",
    "perplexity": "ppl",
    "wer": "word_error_rate",
    "cer": "character_error_rate",
    "fid": "frechet_inception_distance",
    "eer": "equal_error_rate",
    "false_positive_rate": "fpr fall_out",
    "false_negative_rate": "fnr miss_rate",
    "davies_bouldin": "davies_bouldin_score",
    "latency": "response_time inference_time",
}
_SHARES = frozenset(
    {"accuracy", "error_rate", "exact_match", "success_rate", "pass_rate", "hit_rate", "top_k_accuracy"}
)

_LONGEST = 250

_SYNONYMS = {
    spelling: canonical
    for table in (_HIGHER, _LOWER)
    for canonical, spellings in table.items()
    for spelling in (canonical, *spellings.split())
}
_DIRECTIONS: dict[str, Direction] = {
    **dict.fromkeys(_HIGHER, "higher"),
    **dict.fromkeys(_LOWER, "lower"),
}
_DATA = re.compile(r"(?:(val|validation)|(test|holdout|eval|cv)|(train|training))_(?=.)")
_AVERAGE = "macro|micro|weighted|samples|binary|ovr|ovo|mean|avg|average"
_DECORATION = re.compile(rf"^(?:{_AVERAGE})_(?=.)|_(?:{_AVERAGE})$|_?@\d+$|_at_\d+$")
_TOP = re.compile(r"top_?\d+_(accuracy|acc|error|error_rate)")
_LOWER_PATTERN = re.compile(r"(?:^|_)latency(?:_|$)|_(?:loss|error|error_rate|ms)$")
_HIGHER_PATTERN = re.compile(r"_(?:accuracy|f1|auc|precision|recall)$")


@lru_cache(maxsize=4096)
def canonical(name: str) -> str:
    """The one spelling that stands for this metric; two names with the same one are the same metric.

    >>> canonical("F1-Score"), canonical("validation_roc_auc"), canonical("custom_metric")
    ('f1', 'val_auc', 'custom_metric')
    """
    if len(name) > _LONGEST:
        return name
    spelling = _spelling(name) or name
    if spelling in _SYNONYMS:
        return _SYNONYMS[spelling]
    if found := _DATA.match(spelling):
        data = "val" if found[1] else "train" if found[3] else found[2]
        return f"{data}_{canonical(spelling[found.end() :])}"
    return spelling


@lru_cache(maxsize=4096)
def direction(name: str) -> Direction | None:
    """Which way the metric is better: "higher", "lower", or None where no rule knows its name."""
    return _direction(_base(name)) if len(name) <= _LONGEST else None


@lru_cache(maxsize=4096)
def is_share(name: str) -> bool:
    """Whether the metric is a share of the examples: so many of n were right, or wrong.

    Only for these does a sample size tell how uncertain the value is. Precision, recall and their relatives are shares
    of a part of the examples, whose size is not known here.
    """
    base = _base(name)
    return base in _SHARES or _TOP.fullmatch(base) is not None


def is_training(name: str) -> bool:
    """Whether the name says that the metric was measured on training data."""
    return canonical(name).startswith("train_")


def _spelling(name: str) -> str:
    return re.sub(r"[\s_./-]+", "_", name.strip().lower()).strip("_")


def _base(name: str) -> str:
    """The canonical name without the parts that say on what data, how averaged, and down to which rank."""
    base = canonical(name)
    if found := _DATA.match(base):
        base = base[found.end() :]
    while base not in _DIRECTIONS and (shorter := _DECORATION.sub("", base, count=1)) != base:
        base = _SYNONYMS.get(shorter, shorter)
    return base


def _direction(base: str) -> Direction | None:
    if base.startswith("neg_") and (inner := direction(base.removeprefix("neg_"))):
        return "lower" if inner == "higher" else "higher"
    if base in _DIRECTIONS:
        return _DIRECTIONS[base]
    if found := _TOP.fullmatch(base):
        return "lower" if found[1].startswith("error") else "higher"
    if _LOWER_PATTERN.search(base):
        return "lower"
    return "higher" if _HIGHER_PATTERN.search(base) else None
