//! The fuzz targets, for a moment: on random bytes, and on real ones with a few bytes changed, which get further in.

use super::any_value::{column, value};
use super::decoders;
use proptest::prelude::*;
use rome_core::value::{RowReader, RowWriter, key, read_column, skip_column, write_column};

fn random() -> impl Strategy<Value = Vec<u8>> {
    let few = proptest::sample::select(vec![0, 1, 2, 0x30, 0x31, 0x70, 0x7F, 0x80, 0xFE, 0xFF]);
    proptest::collection::vec(prop_oneof![any::<u8>(), few], 0..64)
}

fn mutated(mut bytes: Vec<u8>, changes: &[(proptest::sample::Index, u8)]) -> Vec<u8> {
    for (index, byte) in changes {
        if !bytes.is_empty() {
            let index = index.index(bytes.len());
            bytes[index] = *byte;
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(proptest::sample::Index, u8)>> {
    proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4)
}

/// How many inputs of each kind; `PROPTEST_CASES` says otherwise.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(3_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn random_bytes_do_no_harm(bytes in random()) {
        decoders::keys(&bytes);
        decoders::rows(&bytes);
        decoders::fields(&bytes);
        decoders::text(&bytes);
    }

    #[test]
    fn damaged_keys_do_no_harm(values in proptest::collection::vec(value(), 1..4), descending: bool, changes in changes()) {
        let mut bytes = vec![u8::from(descending)];
        for value in values {
            key::encode(value.as_ref(), descending, &mut bytes);
        }
        let flags = bytes[0];
        let mut bytes = mutated(bytes, &changes);
        bytes[0] = flags;
        decoders::keys(&bytes);
    }

    #[test]
    fn damaged_columns_do_no_harm((ty, nullable, value) in column(), changes in changes()) {
        let mut writer = RowWriter::new();
        write_column(&mut writer, ty, nullable, value.as_ref()).unwrap();
        let bytes = mutated(writer.finish(), &changes);
        let (mut reader, mut skipping) = (RowReader::new(&bytes), RowReader::new(&bytes));
        if let Ok(value) = read_column(&mut reader, ty, nullable) {
            prop_assert!(skip_column(&mut skipping, ty, nullable).is_ok());
            prop_assert_eq!(reader.position(), skipping.position());
            let owned = value.to_value();
            prop_assert_eq!(owned.as_ref(), value);
        }
        decoders::fields(&bytes);
    }

    #[test]
    fn any_text_as_any_value_does_no_harm(byte: u8, text: String) {
        decoders::text(&[&[byte], text.as_bytes()].concat());
    }
}

/// A length says how many bytes follow; one that lies must not be believed.
#[test]
fn a_length_longer_than_the_row_takes_no_memory() {
    let mut bytes = vec![0xFF; 9];
    bytes.push(1);
    assert!(RowReader::new(&bytes).bytes().is_err());
    assert!(RowReader::new(&bytes).text().is_err());
    assert!(RowReader::new(&bytes).list().is_err());
}
