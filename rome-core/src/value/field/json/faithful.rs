//! Looks through a serde value for what JSON text would not keep, before it is turned into text.
//!
//! `serde_json` writes a NaN and an infinity as `null`, which an optional float reads as `None`; and it recurses once for
//! each level of nesting, without a bound. This serializer makes nothing: it only finds such floats, and ends at the depth
//! beyond which the reader of JSON refuses.

use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// The greatest number of arrays and objects inside of each other: that of the reader of `serde_json`.
pub(super) const DEEPEST: u8 = 127;

/// Refuses a value with a float that JSON has no number for, or nested deeper than JSON is read.
///
/// # Errors
/// What was found; and those of the value's own `Serialize`.
pub(super) fn check<T: Serialize + ?Sized>(value: &T) -> Result<(), serde_json::Error> {
    value.serialize(Look { left: DEEPEST })
}

/// A look at one value; `left` is how many levels may follow.
#[derive(Clone, Copy)]
struct Look {
    left: u8,
}

type Looked = Result<(), serde_json::Error>;

impl Look {
    fn deeper(self) -> Result<Self, serde_json::Error> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Self { left }),
            None => Err(serde_json::Error::custom(format_args!(
                "arrays and objects are nested more than {DEEPEST} deep, and JSON is not read deeper"
            ))),
        }
    }

    fn float(is_finite: bool, shown: f64) -> Looked {
        if is_finite {
            return Ok(());
        }
        Err(serde_json::Error::custom(format_args!("JSON has no number for {shown}")))
    }
}

/// Methods for values that JSON always keeps.
macro_rules! kept {
    ($($method:ident($($ty:ty),*);)*) => {$(
        fn $method(self, $(_: $ty),*) -> Looked {
            Ok(())
        }
    )*};
}

impl Serializer for Look {
    type Ok = ();
    type Error = serde_json::Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    kept! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    fn serialize_f32(self, value: f32) -> Looked {
        Self::float(value.is_finite(), f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Looked {
        Self::float(value.is_finite(), value)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Looked {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Looked {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Looked {
        value.serialize(self.deeper()?)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, serde_json::Error> {
        self.deeper()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, serde_json::Error> {
        self.deeper()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, serde_json::Error> {
        self.deeper()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, serde_json::Error> {
        // The object of the variant, and the array in it.
        self.deeper()?.deeper()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, serde_json::Error> {
        self.deeper()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, serde_json::Error> {
        self.deeper()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, serde_json::Error> {
        self.deeper()?.deeper()
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, _: &T) -> Looked {
        Ok(())
    }
}

/// What has elements or fields: each is looked at by itself.
macro_rules! compound {
    ($($of:ident: $method:ident($($name:ty)?);)*) => {$(
        impl $of for Look {
            type Ok = ();
            type Error = serde_json::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Looked {
                value.serialize(*self)
            }

            fn end(self) -> Looked {
                Ok(())
            }
        }
    )*};
}

compound! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeStruct: serialize_field(&'static str);
    SerializeStructVariant: serialize_field(&'static str);
}

impl SerializeMap for Look {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Looked {
        // A float as a key becomes text, but no text that reads back: the same law as for a value.
        key.serialize(*self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Looked {
        value.serialize(*self)
    }

    fn end(self) -> Looked {
        Ok(())
    }
}
