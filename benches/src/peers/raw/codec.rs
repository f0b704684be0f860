//! A row codec for this one table: fixed numbers, strings behind a two-byte length, the key left out.

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::Image;

/// The bytes of a row.
pub fn encode(image: &Image) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    out.extend_from_slice(&image.size.to_le_bytes());
    out.extend_from_slice(&image.created_at.timestamp_micros().to_le_bytes());
    out.extend_from_slice(&image.updated_at.timestamp_micros().to_le_bytes());
    out.extend_from_slice(&image.min_ram.to_le_bytes());
    out.push(u8::from(image.protected) | u8::from(image.checksum.is_some()) << 1);
    for text in [&image.name, &image.status, &image.owner, &image.visibility, &image.disk_format] {
        put(&mut out, text);
    }
    if let Some(checksum) = &image.checksum {
        put(&mut out, checksum);
    }
    out
}

/// The row of these bytes.
pub fn decode(id: Uuid, bytes: &[u8]) -> Result<Image> {
    View::of(bytes)?.to_image(id)
}

/// A row whose texts are still where they were read: a condition that fails costs no allocation.
pub struct View<'a> {
    pub status: &'a str,
    pub disk_format: &'a str,
    name: &'a str,
    owner: &'a str,
    visibility: &'a str,
    checksum: Option<&'a str>,
    size: i64,
    created_at: i64,
    updated_at: i64,
    min_ram: u32,
    protected: bool,
}

impl<'a> View<'a> {
    /// Reads a row in place.
    pub fn of(bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader(bytes);
        let size = i64::from_le_bytes(reader.array()?);
        let created_at = i64::from_le_bytes(reader.array()?);
        let updated_at = i64::from_le_bytes(reader.array()?);
        let min_ram = u32::from_le_bytes(reader.array()?);
        let [flags] = reader.array()?;
        Ok(Self {
            name: reader.text()?,
            status: reader.text()?,
            owner: reader.text()?,
            visibility: reader.text()?,
            disk_format: reader.text()?,
            checksum: if flags & 2 != 0 { Some(reader.text()?) } else { None },
            size,
            created_at,
            updated_at,
            min_ram,
            protected: flags & 1 != 0,
        })
    }

    /// The row as the program wants it.
    pub fn to_image(&self, id: Uuid) -> Result<Image> {
        Ok(Image {
            id,
            name: self.name.to_owned(),
            status: self.status.to_owned(),
            owner: self.owner.to_owned(),
            visibility: self.visibility.to_owned(),
            disk_format: self.disk_format.to_owned(),
            size: self.size,
            checksum: self.checksum.map(str::to_owned),
            min_ram: self.min_ram,
            protected: self.protected,
            created_at: time(self.created_at)?,
            updated_at: time(self.updated_at)?,
            properties: Default::default(),
        })
    }
}

fn time(micros: i64) -> Result<DateTime<Utc>> {
    match DateTime::from_timestamp_micros(micros) {
        Some(time) => Ok(time),
        None => bail!("{micros} is not a time"),
    }
}

fn put(out: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).expect("the texts of this table are short");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let Some((head, rest)) = self.0.split_at_checked(length) else { bail!("the row is cut off") };
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((head, rest)) = self.0.split_first_chunk() else { bail!("the row is cut off") };
        self.0 = rest;
        Ok(*head)
    }

    fn text(&mut self) -> Result<&'a str> {
        let length = u16::from_le_bytes(self.array()?);
        Ok(std::str::from_utf8(self.take(usize::from(length))?)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::model;

    #[test]
    fn a_row_comes_back_as_it_went_in() {
        for number in 0..20 {
            let image = model::image(number);
            assert_eq!(super::decode(image.id, &super::encode(&image)).unwrap(), image);
        }
    }

    #[test]
    fn a_cut_row_is_an_error() {
        let image = model::image(1);
        let bytes = super::encode(&image);
        for length in 0..bytes.len() {
            assert!(super::decode(image.id, &bytes[..length]).is_err());
        }
    }
}
