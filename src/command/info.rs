//! `guest-info`: which commands there are, and which of them may run now.
//!
//! Schema 10.0, since 0.15; `success-response` since 1.7.
//! Arguments: none.
//! Returns: `version`, that of the qemu-ga whose schema is implemented; `supported_commands`, a list of `name`, `enabled`
//! (false if it may not run, or could not work, at this moment) and `success-response` in the order of the table;
//! `implementation`, the name and version of this agent.
//! Errors: none but those of the arguments.
//! Differs from qemu-ga in the order of the list, and by `implementation` (differences.md: info-implementation).
//! Needs nothing; runs while frozen; written in steps, so any number of commands needs no more memory than one.

use super::{Context, Cursor, Done, Flags, Handler, Reply, Step};
use crate::args::NoArguments;
use crate::error::Error;
use crate::guest::Guest;
use crate::json::write::Writer;

/// The qemu-ga version whose schema is implemented.
pub const SCHEMA_VERSION: &str = "10.0.2";

/// The name and version of this agent.
pub const IMPLEMENTATION: &str = concat!("picoqga ", env!("CARGO_PKG_VERSION"));

/// `guest-info`.
#[derive(Debug)]
pub struct Info;

impl<G: Guest + 'static> Handler<G> for Info {
    const NAME: &'static str = "guest-info";
    const FLAGS: Flags = Flags::WHILE_FROZEN;
    type Arguments<'a> = NoArguments;

    fn run<'a>(_: NoArguments, _: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        Ok(reply.steps(|writer| {
            writer.raw(b"{\"version\": ");
            writer.text(SCHEMA_VERSION.as_bytes());
            writer.raw(b", \"implementation\": ");
            writer.text(IMPLEMENTATION.as_bytes());
            writer.raw(b", \"supported_commands\": [");
            Cursor::default()
        }))
    }

    /// Writes as many rows as fit. The cursor is the number of rows written.
    fn step(cursor: &mut Cursor, context: Context<'_, G>, writer: &mut Writer<'_>) -> Step {
        let Cursor([next, ..]) = cursor;
        let rows = context.table.rows().get(usize::try_from(*next).unwrap_or(usize::MAX)..).unwrap_or_default();
        let first = *next;
        for row in rows {
            let mark = writer.mark();
            let begin: &[u8] = match row.refusal(context.guest) {
                None => b", {\"enabled\": true, \"name\": \"",
                Some(_) => b", {\"enabled\": false, \"name\": \"",
            };
            // There is no comma before the first one.
            writer.raw(begin.get(if *next > 0 { 0 } else { 2 }..).unwrap_or_default());
            // The table takes no name that needs an escape.
            writer.raw(row.name.as_bytes());
            writer.raw(if row.flags.silent {
                b"\", \"success-response\": false}"
            } else {
                b"\", \"success-response\": true}"
            });
            if writer.is_full() {
                // Unless it is the first one, which is left to the agent to try again, in an empty buffer.
                if *next > first {
                    writer.roll_back(mark);
                }
                return Step::More;
            }
            *next = next.saturating_add(1);
        }
        writer.raw(b"]}");
        Step::Done
    }
}
