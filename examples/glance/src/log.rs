//! Lines of the log. However long what is logged is, a line has a bound: what makes one grow may come from a request.

use std::io::{self, Write};

use serde_json::Value;

/// The most bytes of a line.
pub const LONGEST: usize = 4096;

/// The most characters of a text in a line of JSON that was too long.
const TEXT: usize = 256;

/// Writes each event, which comes as one call, as a line of at most [`LONGEST`] bytes.
#[derive(Debug)]
pub struct Lines<W>(pub W);

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        if event.len() <= LONGEST {
            self.0.write_all(event)?;
        } else {
            let text = String::from_utf8_lossy(event);
            let line = json(&text).unwrap_or_else(|| short(text.trim_end()));
            self.0.write_all(format!("{line}\n").as_bytes())?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A text of at most [`LONGEST`] bytes that says what was left out.
#[must_use]
pub fn short(text: &str) -> String {
    if text.len() < LONGEST {
        return text.to_owned();
    }
    let begin = text.char_indices().map(|(at, _)| at).take_while(|at| *at < LONGEST - 64).last().unwrap_or_default();
    let (begin, rest) = text.split_at(begin);
    format!("{begin} [.. {} bytes more]", rest.len())
}

/// The same for an event in JSON, which stays JSON: its longest texts are cut.
fn json(event: &str) -> Option<String> {
    let Value::Object(mut fields) = serde_json::from_str(event).ok()? else { return None };
    fields.values_mut().for_each(cut);
    let line = Value::Object(fields).to_string();
    if line.len() < LONGEST { Some(line) } else { Some(serde_json::json!({ "message": short_of(event) }).to_string()) }
}

/// The beginning of an event that has too many fields; what is escaped in it again takes more bytes.
fn short_of(event: &str) -> String {
    event.chars().take(LONGEST / 8).collect()
}

fn cut(value: &mut Value) {
    match value {
        Value::String(text) if text.chars().nth(TEXT).is_some() => {
            let begin: String = text.chars().take(TEXT).collect();
            *text = format!("{begin} [.. {} bytes more]", text.len() - begin.len());
        }
        Value::Array(items) => items.iter_mut().for_each(cut),
        Value::Object(fields) => fields.values_mut().for_each(cut),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::Write;

    use serde_json::{Value, json};

    use super::{LONGEST, Lines};

    fn written(event: &str) -> String {
        let mut lines = Lines(Vec::new());
        lines.write_all(event.as_bytes()).unwrap();
        String::from_utf8(lines.0).unwrap()
    }

    #[test]
    fn a_line_is_bounded_and_a_short_one_is_itself() {
        assert_eq!(written("INFO a line\n"), "INFO a line\n");
        for long in ["x".repeat(1 << 20), "é".repeat(LONGEST), "\u{1F600}".repeat(LONGEST / 2)] {
            let line = written(&format!("WARN {long}\n"));
            assert!(line.len() <= LONGEST && line.starts_with("WARN ") && line.ends_with(" bytes more]\n"), "{line}");
        }
    }

    #[test]
    fn a_line_of_json_stays_one() {
        for field in [json!("x".repeat(1 << 20)), json!("\u{1}".repeat(1 << 20)), json!(vec!["x".repeat(100); 1000])] {
            let event = json!({"level": "WARN", "message": "a query is slow", "query": field});
            let line = written(&format!("{event}\n"));
            assert!(line.len() <= LONGEST, "{}", line.len());
            let read: Value = serde_json::from_str(&line).unwrap();
            assert!(read["message"].as_str().unwrap().contains("a query is slow"));
        }
    }
}
