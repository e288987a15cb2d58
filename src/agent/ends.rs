//! How a reply ends: with its `id`, or as an error.

use crate::error;
use crate::error::Error;
use crate::json::write::Writer;
use crate::limits::ERROR_TEXT_BYTES;

/// Ends a reply, with the `id` of its request.
pub fn end_reply(writer: &mut Writer<'_>, id: &[u8]) {
    if !id.is_empty() {
        writer.raw(b", \"id\": ");
        writer.raw(id);
    }
    writer.raw(b"}\n");
}

/// Writes an error as a whole reply, which says how much of a long text was `written` before it.
pub fn write_error(writer: &mut Writer<'_>, error: &Error<'_>, written: u64, id: &[u8]) {
    let begin = writer.mark();
    // In a buffer too small for the text, six times as long at worst once escaped, less of it is told.
    let mut limit = ERROR_TEXT_BYTES;
    loop {
        writer.raw(b"{");
        if !id.is_empty() {
            writer.raw(b"\"id\": ");
            writer.raw(id);
            writer.raw(b", ");
        }
        writer.raw(b"\"error\": {\"class\": \"");
        writer.raw(error.class.name().as_bytes());
        writer.raw(b"\", \"desc\": \"");
        error.write(limit, writer);
        if written > 0 {
            error![" (", written, " bytes were written)"].write(limit, writer);
        }
        writer.raw(b"\"}}\n");
        if !writer.is_full() || limit == 0 {
            return;
        }
        writer.roll_back(begin);
        limit /= 2;
    }
}
