//! Types that are no columns and that people write for one: which advice the error gives.
//!
//! Only the name of a type is known here, and a program may have a type of its own by that name. So nothing is refused: the
//! code for the field goes by a trait that every column type has, and whose error carries the advice.

use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// The trait in `__private::advice` whose error helps best with a type, without the `Column` at its end; nothing if the usual one
/// does.
pub fn advice(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::Group(group) => advice(&group.elem),
        Type::Paren(paren) => advice(&paren.elem),
        Type::Array(_) => Some("Array"),
        Type::Tuple(_) => Some("Tuple"),
        Type::Path(path) => path.path.segments.last().and_then(by_name),
        _ => None,
    }
}

fn by_name(segment: &PathSegment) -> Option<&'static str> {
    let arguments = || {
        let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Vec::new() };
        let types = arguments.args.iter().filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        });
        types.collect()
    };
    match segment.ident.to_string().as_str() {
        "Option" | "Vec" => arguments().first().and_then(|ty| advice(ty)),
        "usize" => Some("Unsigned"),
        "isize" => Some("Signed"),
        "char" => Some("Character"),
        "DateTime" if arguments().iter().any(|ty| is_utc(ty)) => None,
        "NaiveDateTime" | "DateTime" | "SystemTime" | "Instant" | "OffsetDateTime" | "PrimitiveDateTime" => {
            Some("Moment")
        }
        "Duration" | "TimeDelta" => Some("Duration"),
        "HashMap" | "BTreeMap" | "IndexMap" => Some("Map"),
        "HashSet" | "BTreeSet" | "VecDeque" | "Rc" | "Box" | "Arc" => Some("Container"),
        "Decimal" | "BigDecimal" => Some("Decimal"),
        "IpAddr" | "Ipv4Addr" | "Ipv6Addr" | "SocketAddr" | "PathBuf" | "OsString" | "Url" => Some("Spelled"),
        name if name.starts_with("NonZero") => Some("NonZero"),
        _ => None,
    }
}

fn is_utc(ty: &Type) -> bool {
    match ty {
        Type::Group(group) => is_utc(&group.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|segment| segment.ident == "Utc"),
        _ => false,
    }
}
