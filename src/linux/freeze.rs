//! Freezing of file systems.
//!
//! Each device is frozen by way of one of its mounts, which stays open until it is thawed: so it is thawed even if it is
//! mounted elsewhere by then, covered by another mount, or detached. All are opened before the first is frozen.

mod marker;
mod order;

use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, Ordering};

use heapless::Vec;

use super::Linux;
use super::helper;
use super::log::Level;
use super::mounts::{self, ListError, Mount};
use super::options::Options;
use super::path::Path;
use super::pseudo::Pseudo;
use crate::errno::Errno;
use crate::error::Part;
use crate::guest::{Freeze, FreezeError, FreezeReason, HelperError, Wanted};
use crate::json::write::decimal as digits;
use crate::limits::linux::{FROZEN_FILE_SYSTEMS, SCRATCH_BYTES};
use crate::sys::fd::Fd;
use crate::sys::{freeze as kernel, system};
use marker::Marker;

/// Whether file systems are frozen: for the panic handler, which has nothing else.
static ANY_FROZEN: AtomicBool = AtomicBool::new(false);

/// What freezing was told, and what is frozen.
#[derive(Debug)]
pub struct FreezeState {
    hook: Option<&'static CStr>,
    hook_timeout_s: u32,
    timeout_s: u32,
    marker: Marker,
    frozen: Option<Frozen>,
    held: &'static mut HeldRoom,
    /// The agent ended a freeze after so many seconds, and nobody was told.
    ended_after_s: Option<i64>,
}

/// A freeze, by the time since boot.
#[derive(Clone, Copy, Debug)]
struct Frozen {
    since_ns: i64,
    /// When the agent ends it; `None` for never.
    until_ns: Option<i64>,
}

/// A file system that is held by one of its mounts.
#[derive(Debug)]
pub struct Held {
    fd: Fd,
    /// Its place in the order of thawing, which is that of freezing backwards; less than [`FROZEN_FILE_SYSTEMS`].
    place: u16,
    is_frozen: bool,
}

/// Room for those that are held.
pub type HeldRoom = Vec<Held, FROZEN_FILE_SYSTEMS>;

/// What holding file systems takes: that a panic has too.
struct FileSystems<'f> {
    proc: &'f mut Pseudo,
    sys: &'f mut Pseudo,
    held: &'f mut HeldRoom,
}

/// What is known of a device while mounts are gone through.
const WANTED: u8 = 1;
const OPENED: u8 = 2;
const FAILED: u8 = 4;

/// How much of a buffer the devices, what is known of them, and a path take; lines of mountinfo have the rest. A path in a
/// line is longer than in the buffer, if anything.
const STATES: usize = FROZEN_FILE_SYSTEMS;
const DEVICES_BYTES: usize = 8 * FROZEN_FILE_SYSTEMS;
const PATH_BYTES: usize = 4608;
/// A buffer on the stack, where there is no other.
const BUFFER_BYTES: usize = DEVICES_BYTES + STATES + PATH_BYTES + 8192;

const _: () = assert!(BUFFER_BYTES <= SCRATCH_BYTES);

/// A buffer, divided.
struct Room<'b> {
    /// A path, or what a hook says: what an error quotes, so at the start of the buffer.
    text: &'b mut [u8],
    devices: &'b mut [[u8; 8]],
    states: &'b mut [u8],
    lines: &'b mut [u8],
}

impl<'b> Room<'b> {
    #[inline(never)] // smaller so
    fn of(buffer: &'b mut [u8]) -> Self {
        let (text, rest) = buffer.split_at_mut_checked(PATH_BYTES).unwrap_or_default();
        let (devices, rest) = rest.split_at_mut_checked(DEVICES_BYTES).unwrap_or_default();
        let (states, lines) = rest.split_at_mut_checked(STATES).unwrap_or_default();
        let (devices, _) = devices.as_chunks_mut();
        Room { text, devices, states, lines }
    }
}

fn failed(reason: FreezeReason) -> FreezeError {
    FreezeError { reason, quoted: 0 }
}

impl FreezeState {
    /// Nothing frozen, unless the marker of an agent that was killed is there.
    pub fn new(options: &Options, room: &'static mut HeldRoom) -> Self {
        let mut state = FreezeState {
            hook: options.freeze_hook,
            hook_timeout_s: options.hook_timeout_s,
            timeout_s: options.freeze_timeout_s,
            marker: Marker { directory: options.state_directory },
            frozen: None,
            held: room,
            ended_after_s: None,
        };
        if state.marker.exists() {
            state.begin();
        }
        state
    }

    /// Whether file systems are frozen.
    pub fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// When the agent ends the freeze, in nanoseconds since boot.
    pub fn deadline_ns(&self) -> Option<i64> {
        self.frozen?.until_ns
    }

    /// From now on file systems are frozen, and the time for it begins.
    fn begin(&mut self) {
        self.frozen = Some(Frozen { since_ns: system::boot_time_ns().unwrap_or(0), until_ns: None });
        self.put_off_end();
        // Without the privilege it does without.
        let _: Result<(), Errno> = kernel::lock_memory();
        ANY_FROZEN.store(true, Ordering::Relaxed);
    }

    /// The time after which the agent ends the freeze begins anew.
    fn put_off_end(&mut self) {
        if let Some(frozen) = &mut self.frozen
            && self.timeout_s > 0
        {
            let timeout_ns = i64::from(self.timeout_s).saturating_mul(1_000_000_000);
            frozen.until_ns = Some(system::boot_time_ns().unwrap_or(0).saturating_add(timeout_ns));
        }
    }

    fn end(&mut self) {
        self.frozen = None;
        ANY_FROZEN.store(false, Ordering::Relaxed);
        kernel::unlock_memory();
        self.marker.remove();
    }

    /// Runs the hook, if there is one; what it says comes into `output`.
    fn run_hook(&self, action: &CStr, output: &mut [u8]) -> Result<(), FreezeError> {
        let Some(hook) = self.hook else { return Ok(()) };
        let (result, quoted) = helper::run(hook, action, self.hook_timeout_s, output);
        result.map_err(|why| FreezeError { reason: FreezeReason::Hook(why), quoted })
    }

    /// As after an error that is told: what the hook says must not come over what that quotes, and is told to nobody.
    fn run_thaw_hook(&mut self, room: Room<'_>) {
        let _: Result<(), FreezeError> = self.run_hook(c"thaw", room.lines);
    }
}

impl Freeze for Linux {
    fn is_frozen(&mut self) -> bool {
        self.freeze.put_off_end();
        self.freeze.is_frozen()
    }

    fn freeze(&mut self, wanted: Option<Wanted<'_>>, buffer: &mut [u8]) -> Result<i64, FreezeError> {
        let mut room = Room::of(buffer);
        self.freeze.ended_after_s = None;
        if let Err(error) = self.freeze.run_hook(c"freeze", room.text) {
            if matches!(error.reason, FreezeReason::Hook(why) if ran(why)) {
                self.freeze.run_thaw_hook(room);
            }
            return Err(error);
        }
        match self.freeze_file_systems(wanted, &mut room) {
            Ok(0) => self.freeze.run_hook(c"thaw", room.text).map(|()| 0),
            Err(error) => {
                self.freeze.run_thaw_hook(room);
                Err(error)
            }
            frozen => frozen,
        }
    }

    fn thaw(&mut self, buffer: &mut [u8]) -> Result<i64, FreezeError> {
        if let Some(after_s) = self.freeze.ended_after_s.take() {
            return Err(failed(FreezeReason::Ended(after_s)));
        }
        let count = self.file_systems().thaw(buffer)?;
        self.end_freeze();
        self.freeze.run_hook(c"thaw", Room::of(buffer).text).map(|()| count)
    }
}

/// Whether a program that failed was run at all.
fn ran(why: HelperError) -> bool {
    !matches!(why, HelperError::Create(_) | HelperError::Execute(..))
}

#[inline(never)] // smaller so
fn held_at(held: &mut HeldRoom, place: usize) -> Option<&mut Held> {
    held.iter_mut().find(|held| usize::from(held.place) == place)
}

/// Thaws what is held, in the order of their places, and lets go of it; answers how many were frozen.
fn thaw_held(held: &mut HeldRoom) -> i64 {
    let mut count = 0_i64;
    for place in 0..FROZEN_FILE_SYSTEMS {
        let Some(held) = held_at(held, place) else { continue };
        let mut was_frozen = false;
        // Some kernels count how often one is frozen. Ends when it is not frozen any more.
        while kernel::thaw(&held.fd).is_ok() {
            was_frozen = true;
        }
        count = count.saturating_add(i64::from(was_frozen));
    }
    held.clear();
    count
}

impl FileSystems<'_> {
    /// Freezes what is held, the last place first.
    fn freeze_held(&mut self, count: usize, text: &mut [u8]) -> Result<i64, FreezeError> {
        let mut frozen = 0_i64;
        for place in (0..count).rev() {
            let Some(held) = held_at(self.held, place) else { continue };
            match kernel::freeze(&held.fd) {
                Ok(()) => {
                    held.is_frozen = true;
                    frozen = frozen.saturating_add(1);
                }
                Err(Errno::EOPNOTSUPP | Errno::ENOTTY | Errno::EBUSY) => {}
                Err(errno) => {
                    let number = u64::try_from(held.fd.raw()).unwrap_or(0);
                    let quoted = match &Path::of(&[b"self/fd/", digits(number, &mut [0; 20])]) {
                        Some(link) => self.proc.read_link(link.as_c_str(), text).unwrap_or(0),
                        None => 0,
                    };
                    return Err(FreezeError { reason: FreezeReason::Freeze(errno), quoted });
                }
            }
        }
        Ok(frozen)
    }

    /// Opens a mount of each file system on a device, or of those of which a place is wanted. Answers how many devices
    /// there are, and so the end of their places.
    fn open(&mut self, wanted: Option<Wanted<'_>>, room: &mut Room<'_>) -> Result<usize, FreezeError> {
        let listed = |errno| failed(FreezeReason::List(errno));
        let count = mounts::devices(self.proc, room.devices, room.lines).map_err(|error| match error {
            ListError::System(errno) => listed(errno),
            ListError::TooMany(limit) => failed(FreezeReason::TooMany(limit)),
        })?;
        let devices = room.devices.get_mut(..count).unwrap_or_default();
        order::sort(devices, |device, visit| order::each_base(self.sys, device, visit));
        let place_of = |mount: &Mount<'_>| {
            let device = mount.block_device()?.to_bytes();
            devices.iter().position(|&other| other == device)
        };
        room.states.fill(if wanted.is_none() { WANTED } else { 0 });
        if let Some(wanted) = wanted {
            mounts::each(self.proc, room.lines, |mount| {
                if let Some(state) = place_of(mount).and_then(|place| room.states.get_mut(place))
                    && mount.point.to_path(room.text).is_some_and(|place| wanted(place.to_bytes()))
                {
                    *state |= WANTED;
                }
                true
            })
            .map_err(listed)?;
        }
        let held = &mut *self.held;
        mounts::each(self.proc, room.lines, |mount| {
            let Some(place) = place_of(mount) else { return true };
            let Some(state) = room.states.get_mut(place) else { return true };
            if *state & (WANTED | OPENED) == WANTED {
                match mounts::open_mount(mount, room.text) {
                    Ok(fd) => {
                        // There is room for as many as there are devices.
                        let place = u16::try_from(place).unwrap_or(u16::MAX);
                        let is_held = held.push(Held { fd, place, is_frozen: false }).is_ok();
                        *state |= if is_held { OPENED } else { FAILED };
                    }
                    // One that is covered by another mount can be reached by nobody.
                    Err(Errno::EBUSY) => {}
                    Err(_) => *state |= FAILED,
                }
            }
            true
        })
        .map_err(listed)?;
        let Some(place) = room.states.iter().position(|state| state & (OPENED | FAILED) == FAILED) else {
            return Ok(count);
        };
        // Tried again, for its name.
        let mut error = None;
        mounts::each(self.proc, room.lines, |mount| {
            if place_of(mount) == Some(place)
                && let Err(errno) = mounts::open_mount(mount, room.text)
            {
                let quoted = mount.point.to_path(room.text).map_or(0, CStr::count_bytes);
                error = Some(FreezeError { reason: FreezeReason::Open(errno), quoted });
            }
            error.is_none()
        })
        .map_err(listed)?;
        error.map_or(Ok(count), Err)
    }

    /// Thaws what this agent has frozen, and then what else is frozen.
    fn thaw(&mut self, buffer: &mut [u8]) -> Result<i64, FreezeError> {
        let count = thaw_held(self.held);
        let opened = self.open(None, &mut Room::of(buffer));
        let others = thaw_held(self.held);
        let count = count.saturating_add(others);
        match opened {
            Err(error @ FreezeError { reason: FreezeReason::List(_), .. }) if count == 0 => Err(error),
            // One that cannot be opened is passed over.
            _ => Ok(count),
        }
    }
}

impl Linux {
    fn file_systems(&mut self) -> FileSystems<'_> {
        FileSystems { proc: &mut self.proc, sys: &mut self.sys, held: self.freeze.held }
    }

    fn freeze_file_systems(&mut self, wanted: Option<Wanted<'_>>, room: &mut Room<'_>) -> Result<i64, FreezeError> {
        let opened = self.file_systems().open(wanted, room);
        let count = match opened {
            Ok(count) => count,
            Err(error) => {
                self.freeze.held.clear();
                return Err(error);
            }
        };
        self.log.mute(true);
        self.freeze.begin();
        self.freeze.marker.create();
        let frozen = self.file_systems().freeze_held(count, room.text);
        // Those that cannot be frozen must not be kept from being unmounted.
        self.freeze.held.retain(|held| held.is_frozen);
        if matches!(frozen, Ok(1..)) {
            // To write everything out may have taken long.
            self.freeze.put_off_end();
        } else {
            thaw_held(self.freeze.held);
            self.end_freeze();
        }
        frozen
    }

    /// Goes back to how things are without a freeze.
    fn end_freeze(&mut self) {
        if !self.freeze.is_frozen() {
            return;
        }
        self.freeze.end();
        self.log.mute(false);
        #[cfg(any(feature = "daemon", feature = "log"))]
        if let Err(error) = self.open_own_files() {
            self.log.error(Level::Error, &error);
        }
    }

    /// Thaws, if file systems are frozen, without being asked to; for what reason is logged.
    #[cold]
    #[inline(never)] // the buffer would be on the stack of whoever calls it, at all times
    pub fn thaw_by_itself(&mut self, reason: &'static str) {
        if !self.freeze.is_frozen() {
            return;
        }
        let mut buffer = [0; BUFFER_BYTES];
        // Nobody is left to be told what could not be thawed.
        let _: Result<i64, FreezeError> = self.file_systems().thaw(&mut buffer);
        self.end_freeze();
        self.log.write(Level::Error, &[Part::Words("file systems were thawed by the agent: "), Part::Words(reason)]);
        if self.freeze.run_hook(c"thaw", &mut buffer).is_err() {
            self.log.write(Level::Error, &[Part::Words("the fsfreeze hook has failed to thaw")]);
        }
    }

    /// Ends a freeze that has lasted too long.
    pub fn end_freeze_if_due(&mut self, now_ns: i64) {
        let Some(Frozen { since_ns, until_ns: Some(until_ns) }) = self.freeze.frozen else { return };
        if until_ns <= now_ns {
            self.freeze.ended_after_s = Some(now_ns.saturating_sub(since_ns) / 1_000_000_000);
            self.thaw_by_itself("nobody has thawed them or asked for their state in time");
        }
    }
}

/// Thaws what is mounted, if file systems are frozen, for a process that is about to stop in a panic.
pub fn thaw_in_panic() {
    // A panic in here must not come here again.
    if ANY_FROZEN.swap(false, Ordering::Relaxed) {
        let (proc, sys, held) = (&mut Pseudo::proc(), &mut Pseudo::sys(), &mut HeldRoom::new());
        // It stops in any case.
        let _: Result<i64, FreezeError> = FileSystems { proc, sys, held }.thaw(&mut [0; BUFFER_BYTES]);
        Marker { directory: None }.remove();
    }
}
