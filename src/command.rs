//! Commands and their table.
//!
//! A command is one file, which implements [`Handler`], and one line of a table: `Row::of::<Ping>()`. The table is
//! checked when it is compiled, for order and doubles, and searched by bisection. `guest-info` reports the table that
//! the agent was given, so what is advertised is what is there. A platform or test rig passes a table of its own: rows
//! of ours and its own commands.

use core::cell::Cell;
use core::cmp::Ordering;

use crate::args::{self, Arguments, Refused};
use crate::error::Error;
pub use crate::guest::Flags;
use crate::guest::Guest;
use crate::json::write::{Object, Writer};
use crate::long::{Long, LongArgument};

#[cfg(feature = "network")]
pub mod address;
#[cfg(feature = "inventory")]
pub mod disk_address;
#[cfg(feature = "exec")]
pub mod exec;
#[cfg(feature = "exec")]
pub mod exec_status;
#[cfg(feature = "file")]
pub mod file;
#[cfg(feature = "freeze")]
pub mod fsfreeze;
#[cfg(feature = "freeze")]
pub mod fstrim;
#[cfg(feature = "inventory")]
pub mod get_cpustats;
#[cfg(feature = "inventory")]
pub mod get_disks;
#[cfg(feature = "inventory")]
pub mod get_diskstats;
#[cfg(feature = "inventory")]
pub mod get_fsinfo;
pub mod get_host_name;
#[cfg(feature = "inventory")]
pub mod get_load;
#[cfg(feature = "cpu-memory")]
pub mod get_memory_block_info;
#[cfg(feature = "cpu-memory")]
pub mod get_memory_blocks;
pub mod get_osinfo;
pub mod get_time;
pub mod get_timezone;
#[cfg(feature = "accounts")]
pub mod get_users;
#[cfg(feature = "cpu-memory")]
pub mod get_vcpus;
pub mod info;
#[cfg(any(feature = "accounts", feature = "cpu-memory", feature = "inventory", feature = "network"))]
pub mod listing;
#[cfg(any(feature = "freeze", feature = "inventory"))]
pub mod mount_list;
#[cfg(feature = "network")]
pub mod network_get_interfaces;
#[cfg(feature = "network")]
pub mod network_get_route;
pub mod ping;
#[cfg(feature = "cpu-memory")]
pub mod set_memory_blocks;
pub mod set_time;
#[cfg(feature = "accounts")]
pub mod set_user_password;
#[cfg(feature = "cpu-memory")]
pub mod set_vcpus;
#[cfg(feature = "power")]
pub mod shutdown;
#[cfg(feature = "accounts")]
pub mod ssh;
#[cfg(feature = "power")]
pub mod suspend;
pub mod sync;
pub mod sync_delimited;

/// What a command is given beside its arguments.
#[derive(Debug)]
pub struct Context<'c, G: 'static> {
    /// The platform.
    pub guest: &'c mut G,
    /// Room to work in: at least `scratch_bytes` of the agent's buffers. Between the steps of a reply nobody else uses it.
    pub scratch: &'c mut [u8],
    /// The table that the command was found in.
    pub table: &'c Table<G>,
    /// The arguments as they are held, in canonical form. A step has the same ones as [`Handler::run`], which checked
    /// them: [`Elements::resume`](crate::args::Elements::resume) goes on in a list.
    pub arguments: &'c [u8],
    /// The part of a long argument that came before the request was complete. A command that writes a text of its own
    /// accord puts it here too: an error then tells how much of it was written.
    pub long: &'c Cell<Option<Long>>,
}

/// A command: see the head of the module. `G` is the platform.
pub trait Handler<G: 'static>: 'static {
    /// The name on the wire.
    const NAME: &'static str;
    /// What is special about it.
    const FLAGS: Flags = Flags::NONE;
    /// The argument that may be longer than the request buffer.
    const LONG: Option<&'static LongArgument<G>> = None;
    /// Tells why the command can not work in this guest now, for commands of which that can be told. Asked before each
    /// run and by each guest-info, so it must be cheap. A command that might work must not be refused.
    const OBSTACLE: Option<Obstacle<G>> = None;
    /// The arguments.
    type Arguments<'a>: Arguments<'a>;

    /// Runs the command. What it returns is written through `reply`, at once or, for what may be long, by `step`.
    ///
    /// # Errors
    /// Told to the client. There are none once the reply is begun: what was written of it is taken back.
    fn run<'a>(
        arguments: Self::Arguments<'a>,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>>;

    /// Writes the next piece of a reply that `run` left to steps. There is room for half of the output buffer; what does
    /// not fit is taken back, and asked for again, with the same cursor, when there is more. So a step that acts must
    /// write less than that, and leave the end of the reply to a step of its own: the `id` is written behind it. See
    /// also [`Flags::acts_in_steps`].
    fn step(cursor: &mut Cursor, context: Context<'_, G>, writer: &mut Writer<'_>) -> Step {
        let _ = (cursor, context, writer);
        Step::Done
    }

    /// The host is gone: nobody wants the rest of the steps.
    fn abandon(cursor: &Cursor, guest: &mut G) {
        let _ = (cursor, guest);
    }
}

/// Where a reply in steps stands: a few numbers that mean what its command wants them to mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub [i64; 6]);

/// Whether a reply goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more.
    More,
    /// There is more, to be written once the host's side has taken what was written so far.
    Flush,
    /// It is complete.
    Done,
    /// It can not be completed. The line is ended where it is, so that the client sees it is no whole reply.
    Broken,
}

/// A reply that is not begun.
#[derive(Debug)]
pub struct Reply<'w, 'o> {
    writer: &'w mut Writer<'o>,
    /// Where the steps begin, if there are any: too much to be handed back through each function on the way.
    cursor: &'w mut Cursor,
}

/// A reply that is written, or left to steps.
#[derive(Debug)]
#[must_use]
pub struct Done {
    has_steps: bool,
}

impl<'w, 'o> Reply<'w, 'o> {
    /// A reply into `writer`. If it is left to steps, they begin at what is then in `cursor`.
    pub(crate) fn new(writer: &'w mut Writer<'o>, cursor: &'w mut Cursor) -> Self {
        Reply { writer, cursor }
    }

    /// The empty object, of commands that return nothing.
    pub fn empty(self) -> Done {
        self.writer.raw(b"{}");
        Done { has_steps: false }
    }

    /// A number.
    pub fn integer(self, value: i64) -> Done {
        self.writer.integer(value);
        Done { has_steps: false }
    }

    /// A string.
    pub fn text(self, text: &[u8]) -> Done {
        self.writer.text(text);
        Done { has_steps: false }
    }

    /// A small object.
    pub fn object(self, fill: impl FnOnce(&mut Object<'_, 'o>)) -> Done {
        self.writer.object(fill);
        Done { has_steps: false }
    }

    /// A reply that [`Handler::step`] writes from the cursor on; `begin` may write the first piece of it.
    pub fn steps(self, begin: impl FnOnce(&mut Writer<'o>) -> Cursor) -> Done {
        *self.cursor = begin(self.writer);
        Done { has_steps: true }
    }

    /// How many bytes fit.
    pub fn free(&self) -> usize {
        self.writer.free()
    }
}

impl Done {
    pub(crate) fn has_steps(&self) -> bool {
        self.has_steps
    }
}

/// Why a command can not work now, in words that follow `Command NAME has been disabled: `; `None` if it may.
pub type Obstacle<G> = fn(&mut G) -> Option<&'static str>;

type Run<G> = for<'a> fn(Context<'a, G>, Reply<'_, '_>, &mut Refused<'a>) -> Option<Result<Done, Error<'a>>>;

/// A line of the table.
#[derive(Debug)]
pub struct Row<G: 'static> {
    /// The name on the wire.
    pub name: &'static str,
    /// What is special about the command.
    pub flags: Flags,
    #[cfg_attr(not(feature = "long-texts"), allow(dead_code))]
    pub(crate) long: Option<&'static LongArgument<G>>,
    pub(crate) obstacle: Option<Obstacle<G>>,
    takes_none: bool,
    run: Run<G>,
    pub(crate) step: fn(&mut Cursor, Context<'_, G>, &mut Writer<'_>) -> Step,
    pub(crate) abandon: fn(&Cursor, &mut G),
}

impl<G: 'static> Row<G> {
    /// The line for a command.
    pub const fn of<C: Handler<G>>() -> Self {
        Row {
            name: C::NAME,
            flags: C::FLAGS,
            long: C::LONG,
            obstacle: C::OBSTACLE,
            takes_none: C::Arguments::NONE,
            run: run::<G, C>,
            step: C::step,
            abandon: C::abandon,
        }
    }
}

impl<G: Guest> Row<G> {
    /// Why the command may not or can not run now: the platform does not let it, or its obstacle is there.
    pub fn refusal(&self, guest: &mut G) -> Option<&'static str> {
        guest.refusal(self.name, self.flags).or_else(|| self.obstacle.and_then(|obstacle| obstacle(guest)))
    }
}

impl<G> Row<G> {
    /// Reads the arguments and runs the command. `None` if it was not run, and `refused` says why.
    pub(crate) fn run<'a>(
        &self,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
        refused: &mut Refused<'a>,
    ) -> Option<Result<Done, Error<'a>>> {
        if self.takes_none && !args::none(context.arguments, refused) {
            return None;
        }
        (self.run)(context, reply, refused)
    }
}

fn run<'a, G: 'static, C: Handler<G>>(
    context: Context<'a, G>,
    reply: Reply<'_, '_>,
    refused: &mut Refused<'a>,
) -> Option<Result<Done, Error<'a>>> {
    let arguments = C::Arguments::of(context.arguments, refused)?;
    Some(C::run(arguments, context, reply))
}

/// The commands of an agent, sorted by name.
#[derive(Debug)]
pub struct Table<G: 'static> {
    rows: &'static [Row<G>],
    /// How many bytes all names have in common at their start: mostly those of `guest-`.
    common: usize,
}

impl<G: 'static> Table<G> {
    /// A table of `rows`. In a constant or static, rows out of order or doubled do not compile:
    ///
    /// ```compile_fail
    /// use picoqga::command::{Row, Table, ping::Ping, sync::Sync};
    /// static TABLE: Table<()> = Table::new(&[Row::of::<Sync>(), Row::of::<Ping>()]);
    /// ```
    ///
    /// ```compile_fail
    /// use picoqga::command::{Row, Table, ping::Ping};
    /// static TABLE: Table<()> = Table::new(&[Row::of::<Ping>(), Row::of::<Ping>()]);
    /// ```
    ///
    /// ```
    /// use picoqga::command::{Row, Table, ping::Ping, sync::Sync};
    /// static TABLE: Table<()> = Table::new(&[Row::of::<Ping>(), Row::of::<Sync>()]);
    /// assert!(TABLE.find(b"guest-sync").is_some());
    /// ```
    ///
    /// # Panics
    /// The rows are not sorted by name, or a name is there twice, or has a character that JSON would escape.
    #[allow(clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // run by the compiler
    pub const fn new(rows: &'static [Row<G>]) -> Self {
        let mut index = 0;
        while index < rows.len() {
            assert!(
                index == 0 || is_less(rows[index - 1].name.as_bytes(), rows[index].name.as_bytes()),
                "the rows of a table must be sorted by name, without doubles"
            );
            assert!(
                is_plain(rows[index].name.as_bytes()),
                "a name must be of printable ASCII without quotes and backslashes"
            );
            index += 1;
        }
        let common = match rows {
            // Between the first and the last one in the order of names, all begin as these two do.
            [first, .., last] => common_bytes(first.name.as_bytes(), last.name.as_bytes()),
            _ => 0,
        };
        Table { rows, common }
    }

    /// All rows, sorted by name.
    pub const fn rows(&self) -> &'static [Row<G>] {
        self.rows
    }

    /// The place of the command `name` among the rows.
    pub fn index(&self, name: &[u8]) -> Option<usize> {
        let (start, rest) = name.split_at_checked(self.common)?;
        let (mut first, mut count) = (0_usize, self.rows.len());
        while count > 0 {
            let half = count / 2;
            let middle = first.wrapping_add(half);
            let name = self.rows.get(middle)?.name.as_bytes();
            match order(name.get(self.common..)?, rest) {
                Ordering::Greater => count = half,
                Ordering::Less => {
                    first = middle.wrapping_add(1);
                    count = count.wrapping_sub(half).wrapping_sub(1);
                }
                // What they have in common is compared once, not with each row on the way.
                Ordering::Equal => return name.starts_with(start).then_some(middle),
            }
        }
        None
    }

    /// The row of the command `name`.
    pub fn find(&self, name: &[u8]) -> Option<&'static Row<G>> {
        self.rows.get(self.index(name)?)
    }
}

/// The order of two names. Most differ in their first bytes, for which a call of the C library would take longer.
fn order(left: &[u8], right: &[u8]) -> Ordering {
    for (left, right) in left.iter().zip(right) {
        if left != right {
            return left.cmp(right);
        }
    }
    left.len().cmp(&right.len())
}

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // run by the compiler
const fn is_plain(name: &[u8]) -> bool {
    let mut index = 0;
    while index < name.len() {
        if !matches!(name[index], b' '..=b'~') || matches!(name[index], b'"' | b'\'' | b'\\') {
            return false;
        }
        index += 1;
    }
    true
}

#[allow(clippy::indexing_slicing)] // run by the compiler
const fn is_less(left: &[u8], right: &[u8]) -> bool {
    let common = common_bytes(left, right);
    if common < left.len() && common < right.len() {
        return left[common] < right[common];
    }
    left.len() < right.len()
}

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // run by the compiler
const fn common_bytes(left: &[u8], right: &[u8]) -> usize {
    let mut index = 0;
    while index < left.len() && index < right.len() && left[index] == right[index] {
        index += 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_json_would_escape_is_seen() {
        assert!(is_plain(b"guest-ping") && is_plain(b"x y~!"));
        for byte in (0..=u8::MAX).filter(|byte| !(0x20..0x7F).contains(byte) || b"\"'\\".contains(byte)) {
            assert!(!is_plain(&[b'a', byte]), "{byte:X}");
        }
    }

    #[test]
    fn the_first_difference_or_the_length_orders_names() {
        let names = [&b""[..], b"a", b"aa", b"ab", b"b", b"ba"];
        for (left, right) in names.iter().flat_map(|left| names.iter().map(move |right| (left, right))) {
            assert_eq!(order(left, right), left.cmp(right));
        }
    }
}
