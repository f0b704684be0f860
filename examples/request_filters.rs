//! Columns that are named at run time: the filters and sorts of a request.
//!
//! `cargo run --example request_filters`

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "images")]
struct Image {
    #[rome(key, auto)]
    id: Id<Image>,
    name: String,
    #[rome(index)]
    size: u64,
    min_ram: Option<u32>,
}

/// Reads `size=gt:100` and the like. Everything that can be wrong with it is an error, not a surprise in the query.
fn condition(parameter: &str) -> rome_orm::Result<Condition<Image>> {
    let (name, value) = parameter
        .split_once('=')
        .ok_or_else(|| rome_orm::Error::invalid(format!("`{parameter}` is not of the form name=value")))?;
    let column = Image::column(name)?;
    let (operator, text) = value.split_once(':').unwrap_or(("eq", value));
    match operator {
        "eq" => column.eq(column.parse(text)?),
        "ne" => column.ne(column.parse(text)?),
        "gt" => column.gt(column.parse(text)?),
        "lt" => column.lt(column.parse(text)?),
        "like" => column.like(text),
        "in" => column.is_in(text.split(',').map(|part| column.parse(part)).collect::<rome_orm::Result<Vec<Value>>>()?),
        other => Err(rome_orm::Error::invalid(format!("there is no operator `{other}`"))),
    }
}

/// Reads `size:desc,name`.
fn order(parameter: &str) -> rome_orm::Result<Vec<Order<Image>>> {
    let one = |part: &str| match part.split_once(':') {
        Some((name, "desc")) => Image::column(name)?.desc(),
        Some((name, _)) => Image::column(name)?.asc(),
        None => Image::column(part)?.asc(),
    };
    parameter.split(',').map(one).collect()
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Image>().open("memory:").await?;
    let image = |name: &str, size, min_ram| Image { name: name.into(), size, min_ram, ..Default::default() };
    db.insert_many([image("alpine", 8, None), image("debian", 300, Some(512)), image("fedora", 500, Some(1024))])
        .await?;

    for (filters, sort, expected) in [
        (&["size=gt:100"][..], "name", "debian fedora"),
        (&["name=in:alpine,fedora"], "size:desc,name", "fedora alpine"),
        (&["min_ram=lt:1000", "name=like:d%"], "id", "debian"),
    ] {
        let conditions = filters.iter().map(|filter| condition(filter)).collect::<rome_orm::Result<Vec<_>>>()?;
        let query = db.query::<Image>().filter(Condition::all(conditions)).order_by(order(sort)?);
        let names = query.select(Image::NAME).all().await?.join(" ");
        println!("{filters:?} by {sort}: {names}");
        assert_eq!(names, expected);
    }

    for wrong in ["siz=5", "size=big", "size=gt:-1", "size=like:5%", "size=near:5"] {
        let error = condition(wrong).expect_err("it is wrong");
        println!("{wrong}: {error}");
        assert!(error.is_invalid());
    }
    Ok(())
}
