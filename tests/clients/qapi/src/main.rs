//! Asks a running guest agent every command that guest-info lists and that changes nothing but files in a directory of the
//! test's own, and decodes each reply with the qapi crate, whose types are made from QEMU's schema.
//!
//! Usage: `qapi-replies SOCKET DIRECTORY [--changing]`. With `--changing`, for an agent in a virtual machine, also those that
//! change the machine and have a reply. Prints one line a command:
//!
//! - `ok NAME`: decoded, and written back it is what the agent had sent;
//! - `error NAME: DESC`: the agent refused it; the error was decoded as strictly;
//! - `left NAME: WHY`: not called;
//! - `FAILED NAME: WHY`: the reply does not fit the schema, or has a member that the schema does not know.
//!
//! The exit status is 1 if a line begins with `FAILED`, or if the conversation broke off.

use qapi::{Command, Qga, Stream, qga};
use qapi_spec::{Error, ErrorClass};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::Duration;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a child is asked after, and how many times.
const POLL: Duration = Duration::from_millis(20);
const POLLS: usize = 500;

/// Commands that change the machine, a user's account or files that are not the test's: never sent to this machine's agent.
const CHANGING: &[&str] = &[
    "guest-fsfreeze-freeze",
    "guest-fsfreeze-freeze-list",
    "guest-fsfreeze-thaw",
    "guest-fstrim",
    "guest-set-memory-blocks",
    "guest-set-time",
    "guest-set-user-password",
    "guest-set-vcpus",
    "guest-ssh-add-authorized-keys",
    "guest-ssh-remove-authorized-keys",
];
/// Those that have no reply when they succeed.
const SILENT: &[&str] = &["guest-shutdown", "guest-suspend-disk", "guest-suspend-hybrid", "guest-suspend-ram"];
/// Commands of QEMU 10.0 that the crate's schema is too old for.
const NEWER: &[&str] = &["guest-get-load"];

/// What became of one request.
enum Outcome<T> {
    Returned(T),
    Refused(Error),
    /// It does not fit the schema; why.
    Unfit(String),
}

/// A conversation, and what was found in it.
struct Host<'a> {
    qga: Qga<Stream<BufReader<&'a UnixStream>, &'a UnixStream>>,
    left: BTreeSet<String>,
    failed: bool,
}

impl<'a> Host<'a> {
    /// As vmtest begins: a guest-sync with a small number.
    fn connect(stream: &'a UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut qga = Qga::from_stream(stream);
        qga.guest_sync(7_919)?;
        Ok(Host { qga, left: BTreeSet::new(), failed: false })
    }

    /// One request. The reply is decoded with the command's type, written back, and compared with what had come.
    fn ask<C>(&mut self, command: &C) -> io::Result<Outcome<C::Ok>>
    where
        C: Command,
        C::Ok: Serialize,
    {
        self.qga.write_command(command)?;
        let mut line = Vec::new();
        self.qga.inner_mut().read_until(b'\n', &mut line)?;
        let mut seen: Value = serde_json::from_slice(&line)?;
        if C::NAME == "guest-info"
            && let Some(info) = seen.get_mut("return").and_then(Value::as_object_mut)
        {
            // The one member we add to the schema: `info-implementation` in docs/differences.md.
            info.remove("implementation");
        }
        if let Some(error) = seen.get("error").cloned() {
            let decoded: Error = match serde_json::from_value(seen.clone()) {
                Ok(decoded) => decoded,
                Err(reason) => return Ok(Outcome::Unfit(format!("{reason} in the error {error}"))),
            };
            return Ok(match different("", &seen, &serde_json::to_value(&decoded)?) {
                Some(place) => Outcome::Unfit(place),
                None => Outcome::Refused(decoded),
            });
        }
        let returned = match seen.as_object() {
            Some(members) if members.len() == 1 => members.get("return").cloned(),
            _ => None,
        };
        let Some(returned) = returned else {
            return Ok(Outcome::Unfit(format!("neither `return` alone nor `error`: {seen}")));
        };
        let decoded: C::Ok = match serde_json::from_value(returned.clone()) {
            Ok(decoded) => decoded,
            Err(reason) => return Ok(Outcome::Unfit(format!("{reason} in {returned}"))),
        };
        Ok(match different("", &returned, &serde_json::to_value(&decoded)?) {
            Some(place) => Outcome::Unfit(place),
            None => Outcome::Returned(decoded),
        })
    }

    /// Asks, and prints the line. The value, if there is one.
    fn report<C>(&mut self, command: &C) -> io::Result<Option<C::Ok>>
    where
        C: Command,
        C::Ok: Serialize,
    {
        self.left.remove(C::NAME);
        Ok(match self.ask(command)? {
            Outcome::Returned(value) => {
                println!("ok {}", C::NAME);
                Some(value)
            }
            Outcome::Refused(error) => {
                println!("error {}: {}", C::NAME, error.desc);
                None
            }
            Outcome::Unfit(reason) => {
                self.fail(C::NAME, &reason);
                None
            }
        })
    }

    /// As `report`, if guest-info lists the command.
    fn report_listed<C>(&mut self, command: &C) -> io::Result<Option<C::Ok>>
    where
        C: Command,
        C::Ok: Serialize,
    {
        if self.left.contains(C::NAME) { self.report(command) } else { Ok(None) }
    }

    fn fail(&mut self, name: &str, reason: &str) {
        self.failed = true;
        println!("FAILED {name}: {reason}");
    }

    /// A file is made, read back and closed.
    fn file(&mut self, directory: &str) -> io::Result<()> {
        let content: Vec<u8> = (0..=255).collect();
        let path = format!("{directory}/qapi-replies");
        let open = qga::guest_file_open { path, mode: Some("w+".into()) };
        let Some(handle) = self.report_listed(&open)? else {
            return Ok(());
        };
        let write = qga::guest_file_write { handle, buf_b64: content.clone(), count: None };
        if let Some(written) = self.report_listed(&write)?
            && written.count != 256
        {
            self.fail("guest-file-write", &format!("count is {}, not 256", written.count));
        }
        self.report_listed(&qga::guest_file_flush { handle })?;
        let whence = qga::GuestFileWhence::name(qga::QGASeek::set);
        if let Some(sought) = self.report_listed(&qga::guest_file_seek { handle, offset: 0, whence })?
            && sought.position != 0
        {
            self.fail("guest-file-seek", &format!("position is {}, not 0", sought.position));
        }
        if let Some(read) = self.report_listed(&qga::guest_file_read { handle, count: Some(4096) })?
            && (read.count != 256 || !read.eof || read.buf_b64 != content)
        {
            self.fail("guest-file-read", "not what was written");
        }
        self.report_listed(&qga::guest_file_close { handle })?;
        Ok(())
    }

    /// A child that prints, and fails; asked after until it is done.
    fn exec(&mut self) -> io::Result<()> {
        let command = qga::guest_exec {
            path: "/bin/sh".into(),
            arg: Some(vec!["-c".into(), "cat; echo oops >&2; exit 3".into()]),
            env: None,
            input_data: Some(b"hello".to_vec()),
            capture_output: Some(qga::GuestExecCaptureOutput::flag(true)),
        };
        let Some(child) = self.report_listed(&command)? else {
            return Ok(());
        };
        if !self.left.remove("guest-exec-status") {
            self.fail("guest-exec-status", "not listed, although guest-exec is");
            return Ok(());
        }
        for _ in 0..POLLS {
            match self.ask(&qga::guest_exec_status { pid: child.pid })? {
                Outcome::Returned(status) if !status.exited => sleep(POLL),
                Outcome::Returned(status) => {
                    if status.exitcode == Some(3)
                        && status.out_data.as_deref() == Some(b"hello")
                        && status.err_data.as_deref() == Some(b"oops\n")
                        && status.signal.is_none()
                    {
                        println!("ok guest-exec-status");
                    } else {
                        self.fail("guest-exec-status", &format!("{status:?}"));
                    }
                    return Ok(());
                }
                Outcome::Refused(error) => {
                    self.fail("guest-exec-status", &error.desc);
                    return Ok(());
                }
                Outcome::Unfit(reason) => {
                    self.fail("guest-exec-status", &reason);
                    return Ok(());
                }
            }
        }
        self.fail("guest-exec-status", "the child does not end");
        Ok(())
    }

    /// Every command without arguments that only tells.
    fn queries(&mut self) -> io::Result<()> {
        self.report_listed(&qga::guest_sync { id: i64::MAX })?;
        self.report_listed(&qga::guest_ping {})?;
        self.report_listed(&qga::guest_get_time {})?;
        self.report_listed(&qga::guest_get_host_name {})?;
        self.report_listed(&qga::guest_get_osinfo {})?;
        self.report_listed(&qga::guest_get_timezone {})?;
        self.report_listed(&qga::guest_get_users {})?;
        self.report_listed(&qga::guest_network_get_interfaces {})?;
        self.report_listed(&qga::guest_network_get_route {})?;
        self.report_listed(&qga::guest_get_vcpus {})?;
        self.report_listed(&qga::guest_get_memory_blocks {})?;
        self.report_listed(&qga::guest_get_memory_block_info {})?;
        self.report_listed(&qga::guest_get_fsinfo {})?;
        self.report_listed(&qga::guest_get_disks {})?;
        self.report_listed(&qga::guest_get_diskstats {})?;
        self.report_listed(&qga::guest_get_cpustats {})?;
        self.report_listed(&qga::guest_fsfreeze_status {})?;
        self.report_listed(&qga::guest_ssh_get_authorized_keys { username: "root".into() })?;
        Ok(())
    }

    /// What changes the machine, as little as it can; an account named root has to be there for some.
    fn changes(&mut self) -> io::Result<()> {
        self.report_listed(&qga::guest_set_time { time: None })?;
        let cpu = qga::GuestLogicalProcessor { logical_id: 0, online: true, can_offline: None };
        self.report_listed(&qga::guest_set_vcpus { vcpus: vec![cpu] })?;
        let block = qga::GuestMemoryBlock { phys_index: 0, online: true, can_offline: None };
        let nowhere = qga::GuestMemoryBlock { phys_index: 1 << 40, online: true, can_offline: None };
        self.report_listed(&qga::guest_set_memory_blocks { mem_blks: vec![block, nowhere] })?;
        self.report_listed(&qga::guest_fstrim { minimum: None })?;
        let username = || String::from("root");
        let password = b"secret".to_vec();
        self.report_listed(&qga::guest_set_user_password { username: username(), password, crypted: false })?;
        let keys = || vec![String::from("ssh-ed25519 AAAAC3 one@host")];
        self.report_listed(&qga::guest_ssh_add_authorized_keys { username: username(), keys: keys(), reset: None })?;
        self.report_listed(&qga::guest_ssh_remove_authorized_keys { username: username(), keys: keys() })?;
        if self.report_listed(&qga::guest_fsfreeze_freeze {})?.is_some() {
            self.report(&qga::guest_fsfreeze_status {})?;
        }
        self.report_listed(&qga::guest_fsfreeze_thaw {})?;
        self.report_listed(&qga::guest_fsfreeze_freeze_list { mountpoints: Some(vec!["/nowhere".into()]) })?;
        Ok(())
    }

    /// guest-sync-delimited: the crate does not know its 0xFF, so it is taken off here, and must be there.
    fn delimited(&mut self) -> io::Result<()> {
        if !self.left.remove("guest-sync-delimited") {
            return Ok(());
        }
        self.qga.write_command(&qga::guest_sync_delimited { id: 41_943_040_123 })?;
        let mut line = Vec::new();
        self.qga.inner_mut().read_until(b'\n', &mut line)?;
        match line.split_first() {
            Some((0xFF, rest))
                if serde_json::from_slice::<Value>(rest)?.get("return").and_then(Value::as_i64)
                    == Some(41_943_040_123) =>
            {
                println!("ok guest-sync-delimited");
            }
            _ => self.fail("guest-sync-delimited", &String::from_utf8_lossy(&line)),
        }
        Ok(())
    }

    /// Refusals are decoded as well: classes the schema does not know would be an error here.
    fn refusals(&mut self) -> io::Result<()> {
        let unknown = self.ask(&qga::guest_get_devices {})?;
        self.expect("a command that is not there", &unknown, &ErrorClass::CommandNotFound);
        let no_file = self.ask(&qga::guest_file_close { handle: -1 })?;
        self.expect("a handle that is not there", &no_file, &ErrorClass::GenericError);
        Ok(())
    }

    fn expect<T>(&mut self, what: &str, outcome: &Outcome<T>, class: &ErrorClass) {
        match outcome {
            Outcome::Refused(error) if error.class == *class => println!("ok {what}"),
            Outcome::Refused(error) => self.fail(what, &format!("{:?}: {}", error.class, error.desc)),
            Outcome::Unfit(reason) => self.fail(what, reason),
            Outcome::Returned(_) => self.fail(what, "it was not refused"),
        }
    }
}

/// Where two values differ, in words; numbers are equal when their values are.
fn different(place: &str, seen: &Value, told: &Value) -> Option<String> {
    match (seen, told) {
        (Value::Object(seen), Value::Object(told)) => {
            let names: BTreeSet<&String> = seen.keys().chain(told.keys()).collect();
            names.into_iter().find_map(|name| {
                let place = format!("{place}.{name}");
                match (seen.get(name), told.get(name)) {
                    (Some(seen), Some(told)) => different(&place, seen, told),
                    (Some(seen), None) => Some(format!("the schema does not know {place} ({seen})")),
                    (None, _) => Some(format!("{place} is missing")),
                }
            })
        }
        (Value::Array(seen), Value::Array(told)) if seen.len() == told.len() => seen
            .iter()
            .zip(told)
            .enumerate()
            .find_map(|(number, (seen, told))| different(&format!("{place}[{number}]"), seen, told)),
        (Value::Number(one), Value::Number(other)) if one.is_f64() || other.is_f64() => {
            (one.as_f64() != other.as_f64()).then(|| format!("{place}: sent {one}, decoded {other}"))
        }
        _ => (seen != told).then(|| format!("{place}: sent {seen}, decoded {told}")),
    }
}

fn run(socket: &str, directory: &str, changing: bool) -> io::Result<bool> {
    let stream = UnixStream::connect(socket)?;
    let mut host = Host::connect(&stream)?;
    let Some(info) = host.report(&qga::guest_info {})? else {
        return Ok(false);
    };
    host.left = info.supported_commands.into_iter().map(|command| command.name).collect();
    host.left.remove("guest-info");
    host.queries()?;
    host.delimited()?;
    host.file(directory)?;
    host.exec()?;
    host.refusals()?;
    if changing {
        host.changes()?;
    }
    for name in std::mem::take(&mut host.left) {
        if CHANGING.contains(&name.as_str()) && !changing {
            println!("left {name}: it changes the machine");
        } else if SILENT.contains(&name.as_str()) {
            println!("left {name}: it has no reply");
        } else if NEWER.contains(&name.as_str()) {
            println!("left {name}: the crate's schema is older");
        } else {
            host.fail(&name, "listed, and never asked for here");
        }
    }
    Ok(!host.failed)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (socket, directory, changing) = match words.as_slice() {
        [socket, directory] => (*socket, *directory, false),
        [socket, directory, "--changing"] => (*socket, *directory, true),
        _ => {
            eprintln!("usage: qapi-replies SOCKET DIRECTORY [--changing]");
            std::process::exit(2);
        }
    };
    match run(socket, directory, changing) {
        Ok(true) => {}
        Ok(false) => std::process::exit(1),
        Err(error) => {
            println!("FAILED conversation: {error}");
            std::process::exit(1);
        }
    }
}
