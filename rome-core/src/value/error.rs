//! What can be wrong with a value.

use std::fmt;

/// A value does not fit its column, or stored bytes do not hold one.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ValueError {
    // Boxed so that a `Result` of a decoder stays small; the box is made on the failure path alone.
    kind: Box<ValueErrorKind>,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueErrorKind {
    /// The value is of another type than the column.
    #[error("expected {expected}, found {found}")]
    TypeMismatch {
        /// The type of the column.
        expected: String,
        /// The kind of the value, as [`Value::kind_name`](super::Value::kind_name) says it.
        found: &'static str,
    },
    /// The value is of the right kind, and too small or too large for the type.
    #[error("{value} is out of range for {ty}")]
    OutOfRange {
        /// The value as text.
        value: String,
        /// The type that cannot hold it.
        ty: String,
    },
    /// Text, from a request or a catalog, does not read as what it should be.
    #[error("{text:?} does not read as {expected}")]
    Unreadable {
        /// The text, cut when it is long.
        text: String,
        /// What it should be.
        expected: String,
    },
    /// Stored bytes do not decode.
    #[error("malformed bytes at offset {offset}: {what}")]
    Malformed {
        /// What is wrong with them.
        what: &'static str,
        /// Where, counted from the beginning of what was being decoded.
        offset: usize,
    },
    /// A newer build has written what this one cannot hold.
    #[error("a newer build of the program has written it, and this build cannot read it: {what}")]
    Newer {
        /// What differs.
        what: String,
    },
    /// The label is none of the labels of the enum.
    #[error("{label:?} is not a label of {ty}")]
    UnknownLabel {
        /// The label, cut when it is long.
        label: String,
        /// The enum with its labels.
        ty: String,
    },
    /// A serde type has no JSON form, or stored JSON is not one of its values.
    #[error("not storable as JSON, or not readable from it: {message}")]
    Json {
        /// What serde says.
        message: String,
    },
    /// A value that reads back from its stored form as another one.
    #[error(
        "it reads back as another value: its `Serialize` and its `Deserialize` do not agree, or leave something out"
    )]
    NotTheSame,
    /// What a column type that a program wrote by hand says of its values.
    #[error("{message}")]
    Custom {
        /// What it says.
        message: String,
    },
}

impl ValueError {
    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &ValueErrorKind {
        &self.kind
    }

    fn new(kind: ValueErrorKind) -> Self {
        Self { kind: Box::new(kind) }
    }

    /// What a [`Field`](super::Field) that is written by hand says of a value that it does not take.
    ///
    /// ```
    /// use rome_orm::value::ValueError;
    ///
    /// assert_eq!(ValueError::custom("an odd number is no pair").to_string(), "an odd number is no pair");
    /// ```
    #[cold]
    pub fn custom(message: impl fmt::Display) -> Self {
        Self::new(ValueErrorKind::Custom { message: message.to_string() })
    }

    /// A value of the kind `found` where `expected` is needed.
    #[cold]
    pub fn type_mismatch(expected: impl fmt::Display, found: &'static str) -> Self {
        Self::new(ValueErrorKind::TypeMismatch { expected: expected.to_string(), found })
    }

    /// A value that `ty` cannot hold.
    #[cold]
    pub fn out_of_range(value: impl fmt::Display, ty: impl fmt::Display) -> Self {
        Self::new(ValueErrorKind::OutOfRange { value: shortened(value.to_string()), ty: ty.to_string() })
    }

    /// Text that does not read as `expected`.
    #[cold]
    pub fn unreadable(text: &str, expected: impl fmt::Display) -> Self {
        Self::new(ValueErrorKind::Unreadable { text: shortened(text.to_owned()), expected: expected.to_string() })
    }

    /// Bytes that do not decode, and where.
    #[cold]
    #[must_use]
    pub fn malformed(what: &'static str, offset: usize) -> Self {
        Self::new(ValueErrorKind::Malformed { what, offset })
    }

    /// Stored bytes that a newer build has written, and what it is that this one does not read.
    #[cold]
    #[must_use]
    pub fn newer(what: String) -> Self {
        Self::new(ValueErrorKind::Newer { what })
    }

    /// A label that `ty` does not have.
    #[cold]
    pub fn unknown_label(label: &str, ty: impl fmt::Display) -> Self {
        Self::new(ValueErrorKind::UnknownLabel { label: shortened(label.to_owned()), ty: ty.to_string() })
    }

    /// The same error of bytes that begin at `start`, counted from there.
    pub(super) fn shifted(mut self, start: usize) -> Self {
        if let ValueErrorKind::Malformed { offset, .. } = &mut *self.kind {
            *offset += start;
        }
        self
    }

    /// A value that reads back as another one.
    #[cold]
    #[must_use]
    pub(crate) fn not_the_same() -> Self {
        Self::new(ValueErrorKind::NotTheSame)
    }

    /// A serde type that JSON cannot hold, or JSON that is not of the type.
    #[cold]
    #[must_use]
    pub fn json(error: &serde_json::Error) -> Self {
        Self::new(ValueErrorKind::Json { message: error.to_string() })
    }
}

impl fmt::Debug for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValueError::{:?}", self.kind)
    }
}

/// An error is for people: a megabyte of text says no more than its beginning.
fn shortened(mut text: String) -> String {
    const LIMIT: usize = 80;
    if text.len() > LIMIT {
        text.truncate(text.floor_char_boundary(LIMIT));
        text.push('…');
    }
    text
}
