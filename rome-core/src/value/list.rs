//! A borrowed list: either values, or the bytes of a row that hold them.

use super::row::{RowReader, read_column, skip_column};
use super::{ColumnType, ElementType, Value, ValueError, ValueRef};

/// A borrowed list of values, cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct ListRef<'a> {
    items: Items<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Items<'a> {
    Values(&'a [Value]),
    /// Validated when made: each element decodes.
    Encoded {
        bytes: &'a [u8],
        ty: ColumnType,
        nullable: bool,
    },
}

impl<'a> ListRef<'a> {
    /// A list of these values.
    #[must_use]
    pub fn values(items: &'a [Value]) -> Self {
        Self { items: Items::Values(items) }
    }

    /// A list of the elements in `bytes`, in the form that [`write_column`](super::write_column) gives them.
    ///
    /// # Errors
    /// Malformed bytes; each element is looked at once, so that iterating cannot fail later.
    pub fn encoded(bytes: &'a [u8], element: ElementType) -> Result<Self, ValueError> {
        let mut reader = RowReader::new(bytes);
        while reader.remaining() > 0 {
            read_column(&mut reader, element.ty, element.nullable)?;
        }
        Ok(Self { items: Items::Encoded { bytes, ty: element.ty, nullable: element.nullable } })
    }

    /// The elements in order; encoded ones are decoded on the way.
    #[must_use]
    pub fn iter(self) -> ListRefIter<'a> {
        match self.items {
            Items::Values(values) => ListRefIter(Iter::Values(values.iter())),
            Items::Encoded { bytes, ty, nullable } => {
                ListRefIter(Iter::Encoded { reader: RowReader::new(bytes), ty, nullable })
            }
        }
    }

    /// How many elements there are. Counts the encoded ones, which costs one step for each.
    #[must_use]
    pub fn len(self) -> usize {
        match self.items {
            Items::Values(values) => values.len(),
            Items::Encoded { bytes, ty, nullable } => {
                let mut reader = RowReader::new(bytes);
                let mut count = 0;
                while reader.remaining() > 0 && skip_column(&mut reader, ty, nullable).is_ok() {
                    count += 1;
                }
                count
            }
        }
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(self) -> bool {
        match self.items {
            Items::Values(values) => values.is_empty(),
            Items::Encoded { bytes, .. } => bytes.is_empty(),
        }
    }
}

/// The elements of a [`ListRef`].
#[derive(Clone, Debug)]
pub struct ListRefIter<'a>(Iter<'a>);

#[derive(Clone, Debug)]
enum Iter<'a> {
    Values(std::slice::Iter<'a, Value>),
    Encoded { reader: RowReader<'a>, ty: ColumnType, nullable: bool },
}

impl<'a> Iterator for ListRefIter<'a> {
    type Item = ValueRef<'a>;

    fn next(&mut self) -> Option<ValueRef<'a>> {
        match &mut self.0 {
            Iter::Values(values) => values.next().map(Value::as_ref),
            Iter::Encoded { reader, .. } if reader.remaining() == 0 => None,
            Iter::Encoded { reader, ty, nullable } => {
                Some(read_column(reader, *ty, *nullable).expect("a ListRef holds only elements that decode"))
            }
        }
    }
}

impl<'a> IntoIterator for ListRef<'a> {
    type Item = ValueRef<'a>;
    type IntoIter = ListRefIter<'a>;

    fn into_iter(self) -> ListRefIter<'a> {
        self.iter()
    }
}
