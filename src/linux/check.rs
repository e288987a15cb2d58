//! `--check`: for the person who builds an image, what works here, and what is missing and how to get it.
//!
//! Commands that only tell something are simply run; of the others it is asked whether what they need is there. Nothing is
//! changed, and no line is opened. What the agent would tell its clients (guest-info) is told apart from what would surprise
//! them: a command that is advertised, but fails.

mod needs;

use core::cell::Cell;
use core::ffi::CStr;
use core::mem::ManuallyDrop;

use super::channel::{Channel, can_be_written};
use super::log::Log;
use super::options::{KEPT_BYTES, Options};
use super::print::Printer;
use super::table::TABLE;
use super::{Linux, Rooms};
use crate::bytes::put;
use crate::command::{Context, Cursor, Reply, Row};
use crate::errno::Errno;
use crate::error::Part;
use crate::json::write::Writer;
use crate::limits::linux::{OUTPUT_BYTES, SCRATCH_BYTES};
use needs::{hint, lack, only_tells};

/// What something comes to here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It works.
    Works,
    /// It works, but for one use of it.
    Partly,
    /// The options do not allow it.
    Blocked,
    /// It can not work, as guest-info tells.
    Missing,
    /// It can not work, and clients are not told.
    Fails,
}

impl State {
    const fn name(self) -> &'static [u8] {
        match self {
            State::Works => b"works",
            State::Partly => b"partly",
            State::Blocked => b"blocked",
            State::Missing => b"missing",
            State::Fails => b"fails",
        }
    }
}

/// How much of a reason is told.
const REASON_BYTES: usize = 512;

/// How much of a path is told: no longer one can be opened. Escaped it takes six times as much of the buffer at most.
const NAME_BYTES: usize = 4096;

const _: () = assert!(NAME_BYTES * 6 + 64 <= OUTPUT_BYTES - KEPT_BYTES);

/// The width of the columns of names and of states: the longest ones, and two blanks.
const NAME_COLUMNS: usize = 34;
const STATE_COLUMNS: usize = 9;

/// What is told, and how.
struct Report<'o> {
    printer: Printer,
    output: &'o mut [u8],
    as_json: bool,
    /// What comes before the next line.
    begin: &'static [u8],
    has_failed: bool,
}

impl Report<'_> {
    /// Puts what JSON has, and the table has not.
    fn json(&mut self, text: &[u8]) {
        if self.as_json {
            self.printer.put(text);
        }
        self.begin = b"";
    }

    fn line(&mut self, name: &[u8], state: State, reason: &[u8]) {
        self.has_failed |= state == State::Fails;
        let name = name.get(..NAME_BYTES).unwrap_or(name);
        self.printer.put(self.begin);
        self.field("{\"name\": ", name, name.len().saturating_add(1).max(NAME_COLUMNS));
        self.field(", \"state\": ", state.name(), if reason.is_empty() { 0 } else { STATE_COLUMNS });
        self.field(", \"reason\": ", reason, 0);
        let hint = if matches!(state, State::Works | State::Blocked) { b"" } else { hint(name, reason) };
        if !self.as_json && !hint.is_empty() {
            self.printer.put(b": ");
        }
        self.field(", \"hint\": ", hint, 0);
        self.printer.put(if self.as_json { b"}" } else { b"\n" });
        if self.as_json {
            self.begin = b", ";
        }
    }

    /// Puts a member of JSON, or a text and the blanks behind it.
    #[inline(never)] // smaller so
    fn field(&mut self, member: &'static str, text: &[u8], columns: usize) {
        if !self.as_json {
            self.printer.put(text);
            for _ in text.len()..columns {
                self.printer.put(b" ");
            }
        } else if !text.is_empty() {
            let mut writer = Writer::new(self.output, 0);
            writer.raw(member.as_bytes());
            writer.text(text);
            let length = writer.len();
            self.printer.put(self.output.get(..length).unwrap_or_default());
        }
    }

    /// Tells of a path that the agent itself needs.
    fn path(&mut self, path: &CStr, looked: Result<(), Errno>) {
        let mut reason = Reason::new();
        if let Err(errno) = looked {
            reason.put(&[Part::Errno(errno)]);
        }
        self.line(path.to_bytes(), if looked.is_ok() { State::Works } else { State::Fails }, reason.text());
    }
}

/// Why something does not work: as much of that as there is room for.
struct Reason {
    bytes: [u8; REASON_BYTES],
    length: usize,
}

impl Reason {
    const fn new() -> Self {
        Reason { bytes: [0; REASON_BYTES], length: 0 }
    }

    #[inline(never)] // smaller so
    fn put(&mut self, parts: &[Part<'_>]) {
        for part in parts {
            part.pieces(&mut |piece| self.append(piece));
        }
    }

    fn append(&mut self, piece: &[u8]) {
        if let Some(end) = put(&mut self.bytes, self.length, piece) {
            self.length = end;
        }
    }

    #[inline(never)] // smaller so
    fn text(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Tells what works here, and answers the exit status: 1 if something does not that the agent, as it is configured, would
/// have. `scratch` is room for the commands, and `output` for a line.
#[inline(never)] // what is seldom wanted has no place in what runs at each start
pub fn check(
    options: &mut Options,
    log: Log,
    as_json: bool,
    scratch: &mut [u8],
    output: &mut [u8],
    rooms: &'static mut Rooms,
) -> i32 {
    // What is frozen at the moment says nothing of the image; and this is nowhere that a marker could be.
    options.state_directory = Some(c"/dev/null");
    // The end of the process lets go of it.
    let mut guest = ManuallyDrop::new(Linux::new(log, options, rooms));
    let mut report = Report { printer: Printer::new(), output, as_json, begin: b"", has_failed: false };
    report.json(b"{\"agent\": [");
    look_at_channel(options, &mut guest, &mut report);
    for path in [options.log_file, options.pid_file].into_iter().flatten() {
        report.path(path, can_be_written(path));
    }
    report.json(b"], \"commands\": [");
    let scratch = scratch.get_mut(..SCRATCH_BYTES).unwrap_or_default();
    for row in TABLE.rows() {
        let mut reason = Reason::new();
        let state = judge(row, options, &mut guest, scratch, report.output, &mut reason);
        report.line(row.name.as_bytes(), state, reason.text());
    }
    report.json(b"], \"works\": ");
    report.json(if report.has_failed { b"false}\n" } else { b"true}\n" });
    i32::from(report.has_failed)
}

/// What a command comes to, and why.
#[inline(never)] // smaller so
fn judge(
    row: &Row<Linux>,
    options: &Options,
    guest: &mut Linux,
    scratch: &mut [u8],
    output: &mut [u8],
    reason: &mut Reason,
) -> State {
    if let Some(words) = row.refusal(guest) {
        reason.put(&[Part::Words(words)]);
        return if options.lists.allow(row.name) { State::Missing } else { State::Blocked };
    }
    if let Some(always) = lack(row.name, options, guest, reason) {
        return if always { State::Fails } else { State::Partly };
    }
    let Some(arguments) = only_tells(row.name) else { return State::Works };
    let long = Cell::new(None);
    let context = Context { guest: &mut *guest, scratch, table: &TABLE, arguments, long: &long };
    let mut cursor = Cursor::default();
    match row.run(context, Reply::new(&mut Writer::new(output, 0), &mut cursor), &mut None) {
        Some(Ok(done)) => {
            if done.has_steps() {
                (row.abandon)(&cursor, guest);
            }
            State::Works
        }
        Some(Err(error)) => {
            error.pieces(&mut |piece| reason.append(piece));
            State::Fails
        }
        None => State::Fails,
    }
}

/// Tells of the line to the host, without opening it.
fn look_at_channel(options: &mut Options, guest: &mut Linux, report: &mut Report<'_>) {
    let name = options.channel_path().unwrap_or(options.method);
    if options.method == c"fd" {
        // It will be there; to look at it closer would change a terminal.
        return report.path(name, Ok(()));
    }
    match Channel::activated(options).and_then(|activated| activated.map_or_else(|| Channel::new(options), Ok)) {
        Ok(channel) => report.path(channel.name(), channel.look(guest)),
        Err(error) => {
            let mut reason = Reason::new();
            error.pieces(&mut |piece| reason.append(piece));
            report.line(name.to_bytes(), State::Fails, reason.text());
        }
    }
}
