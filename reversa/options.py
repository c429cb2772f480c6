"""What the commands share: their options, the language, and errors turned into two lines and an exit code."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reversa.errors import EXIT_BUG, EXIT_INTERRUPTED, DiskError, ReversaError

if TYPE_CHECKING:
    from reversa.wording import Language


class Commands(click.Group):
    """Turns errors into a sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ReversaError as error:
            _say_error(error.message, error.hint)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            _say_error("Interrupted.", "Nothing is lost: type the same command again and it goes on.")
            sys.exit(EXIT_INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort, SystemExit, BrokenPipeError):
            raise
        except OSError as error:
            _say_error(f"{error.filename or 'A file'}: {error.strerror or error}", "Mend its rights or the disk, then type the same command again.")
            sys.exit(DiskError.exit_code)
        except Exception as error:  # noqa: BLE001 - a defect of ours: said, kept, never thrown at the person
            from reversa.terminal import keep_defect

            kept = f"What was kept of it, to be read before it is sent to us: {keep_defect(error)}"
            _say_error(f"This is a defect of reversa ({type(error).__name__}).", kept)
            sys.exit(EXIT_BUG)


def _say_error(message: str, hint: str) -> None:
    from reversa.wording import visible

    click.echo(f"reversa: {visible(message)}", err=True)
    if hint:
        click.echo(f"    -> {visible(hint)}", err=True)


def _language(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str:
    """The language asked for, else that of the environment."""
    return value or spoken()


def spoken() -> Language:
    """The language of the environment."""
    named = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "fr" if named.startswith("fr") else "en"


def percentage(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """A share of units as its percentage: ``1%``, ``0,5 %``."""
    if value is None:
        return None
    number = value.removesuffix("%").strip().replace(",", ".")
    if not value.endswith("%") or not re.fullmatch(r"\d{1,2}(\.\d{1,6})?", number) or not float(number):
        raise click.BadParameter(f"{value!r} is not a share between 0 and 100 %: write --sample 1%")
    return number


def seed_of(seed: int | None, percent: str | None) -> int | None:
    """The seed of a sample. Raises UsageError when none is drawn."""
    if seed is not None and percent is None:
        raise click.UsageError("--seed draws a sample: add --sample 1%")
    return seed


seed_option = click.option("--seed", type=click.IntRange(0, 2**53 - 1), help="Draw these units; default: made of the package and the date.")
lang_option = click.option("--lang", type=click.Choice(["fr", "en"]), callback=_language, help="Language of the report; default from LANG.")
to_option = click.option("--to", type=click.Path(path_type=Path, file_okay=False), help="Where to file it; default: a folder beside the package.")
package_argument = click.argument("package", type=click.Path(path_type=Path, exists=True, file_okay=False))
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
private_option = click.option("--private", is_flag=True, help="Direct messages and private spaces too.")
tenant_option = click.option("--tenant", help="Whose data it is, where the source does not say.")
since_option = click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=lambda _ctx, _param, at: at and at.date(),
    help="Only what is of that day or later: a last delta.",
)
run_option = click.option("--run", type=click.Path(path_type=Path), help="Run folder; default: NAME.reversa here.")
accept_option = click.option("--accept", type=click.Path(path_type=Path), help="losses.csv with every line accepted.")
run_argument = click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
