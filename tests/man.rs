//! The man page, docs/picoqga.8: made from the declaration of the options, from the table of commands and the first line of
//! each command's file, and from the words below. The page that is in the repository must be the one that is made here;
//! `ci/man` writes it anew.
//!
//! It is kept in the repository, though it is made, because packages install it from there without a compiler.
#![allow(clippy::unwrap_used, clippy::panic)] // of a test

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use picoqga::linux::options::{HELP_BYTES, OPTIONS, declared};
use picoqga::linux::table::TABLE;

const BEGIN: &str = r#".SH NAME
picoqga \- QEMU guest agent for guests too small for the usual one
.SH SYNOPSIS
.B picoqga
.RB [ \-m
.IR METHOD ]
.RB [ \-p
.IR PATH ]
.RI [ OPTION ]...
.SH DESCRIPTION
.B picoqga
answers the host of a virtual machine: it tells of the guest, and does in it what the host asks for.
It understands the protocol, the options and the configuration file of
.BR qemu\-ga (8),
and needs no library, no helper program, no file system that can be written, and no other process.
.PP
Without options it serves the virtio-serial port named org.qemu.guest_agent.0, with or without udev.
A line that is not there yet is waited for.
"#;

const BETWEEN: &str = r#".SH CONFIGURATION FILE
A file of lines
.IB KEY = VALUE
under the line
.BR [general] .
Empty lines, and lines that begin with
.BR # ,
mean nothing.
A key is the long name of an option that does not only tell something, without its dashes; for
.B \-\-daemonize
it is also
.BR daemon .
An option without a value has
.B true
or
.BR false .
In a value
.B \es \et \en \er
and
.B \e\e
stand for a blank, a tab, a line feed, a carriage return and a backslash.
Other keys and groups are passed over.
.PP
What the command line says comes before what the file says; the lists of commands add up.
Commas or semicolons separate the names of a list. A command that is both blocked and allowed is blocked.
"#;

const END: &str = r#".SH MESSAGES
Messages go to standard error or to the log file.
In the background, without a standard error, and as process 1, they go to
.IR /dev/log ,
or, where nothing listens there, to
.IR /dev/kmsg .
Errors are always written, anything else with
.BR \-v .
Which commands were called is written to
.I /dev/log
in any case; what their arguments were is never written.
.SH SOCKET ACTIVATION
A socket that a service manager listens on, unix or vsock, is taken over as
.BR sd_listen_fds (3)
describes it, whatever
.B \-m
and
.B \-p
say.
.SH ENVIRONMENT
.TP
.B QGA_CONF
the configuration file, if
.B \-c
names none; it need not be there.
.TP
.B QGA_OS_RELEASE
the file that tells which system this is, instead of
.IR /etc/os\-release .
.TP
.BR LISTEN_PID ", " LISTEN_FDS
see SOCKET ACTIVATION.
.SH SIGNALS
SIGTERM and SIGINT thaw what is frozen, and end the agent, with status 0.
.SH EXIT STATUS
0 after a signal, and after what was only printed; 1 if the start failed, which with
.B \-d
is told before the one who started it goes on.
With
.B \-\-check
1 if something does not work that the host is not told about: a command, the line, the log file or the pid file.
.SH SEE ALSO
.BR qemu\-ga (8)
"#;

/// What `--help` has in another place, or no room for.
const MORE: &str = r#".TP
.B \-h, \-\-help
print the options
.PP
.B \-\-blacklist
is accepted for
.BR \-\-block\-rpcs .
"#;

/// Where the words on an option begin.
const TEXT_COLUMN: usize = 29;

/// A text in which nothing is taken for an instruction.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', r"\e").replace('-', r"\-").replace('`', r"\(ga");
    if text.starts_with(['.', '\'']) { format!(r"\&{text}") } else { text }
}

fn options() -> String {
    let mut page = String::from(".SH OPTIONS\n");
    for line in OPTIONS[..HELP_BYTES].lines() {
        if line.starts_with("  ") {
            let (names, text) = line.split_at(TEXT_COLUMN);
            writeln!(page, ".TP\n.B {}\n{}", escaped(names.trim()), escaped(text)).unwrap();
        } else {
            writeln!(page, ".SS {}", escaped(line.trim_end_matches(':'))).unwrap();
        }
    }
    page.push_str(MORE);
    page
}

/// All files of commands.
fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn commands(root: &Path) -> String {
    let mut files = Vec::new();
    sources(&root.join("src/command"), &mut files);
    let heads: Vec<String> = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let mut page =
        String::from(".SH COMMANDS\nThose that this version knows; \\fB\\-b help\\fR prints those of a build.\n");
    for row in TABLE.rows() {
        // A family in one file is named in its first line.
        let name = format!("`{}`", row.name);
        let tagline = heads.iter().find_map(|text| {
            let (names, tagline) = text.lines().next()?.split_once(": ")?;
            names.contains(&name).then_some(tagline)
        });
        let tagline = tagline.unwrap_or_else(|| panic!("no file of src/command begins with {name}"));
        writeln!(page, ".TP\n.B {}\n{}", escaped(row.name), escaped(&tagline.replace('`', ""))).unwrap();
    }
    page
}

#[test]
fn the_man_page_is_what_is_declared() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("docs/picoqga.8");
    let page = [
        ".\\\" Made by ci/man; see tests/man.rs.\n".to_owned(),
        format!(".TH PICOQGA 8 \"\" \"picoqga {}\" \"System Administration\"\n", env!("CARGO_PKG_VERSION")),
        BEGIN.to_owned(),
        options(),
        BETWEEN.to_owned(),
        commands(root),
        END.to_owned(),
    ]
    .concat();
    if std::env::var_os("PICOQGA_WRITE_MAN").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/picoqga.8 is not what the options and commands declare: run ci/man");
}

#[test]
fn every_option_and_command_is_described() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let options = fs::read_to_string(root.join("docs/options.md")).unwrap();
    for option in declared() {
        let name = String::from_utf8_lossy(option.name);
        // What does nothing on Linux needs no words.
        assert!(
            name == "service" || options.contains(&format!("`--{name}")),
            "docs/options.md does not tell of --{name}"
        );
    }
    let commands = fs::read_to_string(root.join("docs/commands.md")).unwrap();
    for row in TABLE.rows() {
        let told = |line: &str| line.starts_with("### ") && line.split([' ', ',']).any(|word| word == row.name);
        assert!(commands.lines().any(told), "docs/commands.md does not tell of {}", row.name);
    }
}
