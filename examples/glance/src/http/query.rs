//! The query of a list: filters, order and page, from the parameters of its URL.

use super::error::{ApiError, ApiResult};
use crate::config::Bounds;
use crate::db::{Direction, Filters, Listing, MemberStatus, VisibilityFilter};

/// How many images or other things a list has if it does not say.
pub const DEFAULT_LIMIT: u64 = 25;
/// How many images a list has at most.
const MAX_LIMIT: u64 = 1000;

const SORT_KEYS: [&str; 8] =
    ["name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at"];

/// Reads the parameters of a list.
///
/// # Errors
/// 400 for a parameter that makes no sense, and for more of them than a list may have.
pub fn listing(query: &str, bounds: &Bounds) -> ApiResult<Listing> {
    let mut filters =
        Filters { deleted: Some(false), os_hidden: Some(false), whole_seconds: true, ..Filters::default() };
    let mut listing = Listing { limit: Some(DEFAULT_LIMIT), return_tag: true, ..Listing::default() };
    let (mut sort, mut keys, mut dirs) = (None, Vec::new(), Vec::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "limit" => listing.limit = Some(limit(&value)?),
            "marker" => listing.marker = Some(value.into_owned()),
            "member_status" => listing.member_status = member_status(&value)?,
            "sort" => sort = Some(value.into_owned()),
            "sort_key" => push_key(&mut keys, sort_key(&value)?)?,
            "sort_dir" if dirs.len() == SORT_KEYS.len() => return Err(too_many_keys()),
            "sort_dir" => dirs.push(sort_dir(&value)?),
            "tag" => {
                let tag = value.trim();
                if !filters.tags.iter().any(|other| other == tag) {
                    filters.tags.push(tag.to_owned());
                }
            }
            "visibility" => filters.visibility = Some(visibility(&value)?),
            "os_hidden" => filters.os_hidden = Some(boolean("os_hidden", &value.to_lowercase())?),
            "protected" => {
                boolean("protected", &value)?;
                set(&mut filters.others, "protected", &value);
            }
            "checksum" => filters.checksum = Some(Some(value.into_owned())),
            "os_hash_value" => filters.os_hash_value = Some(Some(value.into_owned())),
            "changes-since" => {
                return Err(ApiError::bad_request("The \"changes-since\" filter is no longer available on v2."));
            }
            "deleted" => {}
            name => set(&mut filters.others, name, &value),
        }
        // Each filter is compared with those before it, and each one of a tag or a property is a query.
        let given = filters.tags.len() + filters.others.len();
        if given > bounds.max_filters {
            let most = bounds.max_filters;
            return Err(ApiError::bad_request(format!("A list has at most {most} filters (--max-filters).")));
        }
    }
    for (name, value) in &filters.others {
        // Commas in quotes are counted, too, so this is at least the number of values.
        let values = value.strip_prefix("in:").map_or(0, |values| values.matches(',').count() + 1);
        if values > bounds.max_filter_values {
            let most = bounds.max_filter_values;
            let message =
                format!("The filter {name} has {values} values; it has at most {most} (--max-filter-values).");
            return Err(ApiError::bad_request(message));
        }
    }
    (listing.sort_key, listing.sort_dir) = sorting(sort.as_deref(), keys, dirs)?;
    listing.filters = filters;
    Ok(listing)
}

/// The last of several filters of one name counts.
fn set(others: &mut Vec<(String, String)>, name: &str, value: &str) {
    others.retain(|(other, _)| other != name);
    others.push((name.to_owned(), value.to_owned()));
}

fn sorting(sort: Option<&str>, keys: Vec<String>, dirs: Vec<Direction>) -> ApiResult<(Vec<String>, Vec<Direction>)> {
    let Some(sort) = sort else {
        if dirs.len() > 1 && dirs.len() != keys.len() {
            return Err(ApiError::bad_request("Number of sort dirs does not match the number of sort keys"));
        }
        let keys = if keys.is_empty() { vec!["created_at".to_owned()] } else { keys };
        return Ok((keys, dirs));
    };
    if !keys.is_empty() || !dirs.is_empty() {
        return Err(ApiError::bad_request("Old and new sorting syntax cannot be combined"));
    }
    let (mut keys, mut dirs) = (Vec::new(), Vec::new());
    for part in sort.trim().split(',') {
        let (key, dir) = part.split_once(':').unwrap_or((part, "desc"));
        push_key(&mut keys, sort_key(key)?)?;
        dirs.push(sort_dir(if dir.is_empty() { "desc" } else { dir })?);
    }
    Ok((keys, dirs))
}

/// A key that is given again could say nothing, and where a page starts is a condition that grows with the square of the keys.
fn push_key(keys: &mut Vec<String>, key: String) -> ApiResult<()> {
    if keys.contains(&key) {
        return Err(ApiError::bad_request(format!("The sort key {key} is given more than once.")));
    }
    keys.push(key);
    Ok(())
}

fn too_many_keys() -> ApiError {
    ApiError::bad_request(format!("A list has at most {} sort directions.", SORT_KEYS.len()))
}

fn sort_key(key: &str) -> ApiResult<String> {
    let key = key.trim();
    if SORT_KEYS.contains(&key) {
        return Ok(key.to_owned());
    }
    let available = SORT_KEYS.join(", ");
    Err(ApiError::bad_request(format!("Invalid sort key: {key}. It must be one of the following: {available}.")))
}

fn sort_dir(dir: &str) -> ApiResult<Direction> {
    dir.trim().parse().map_err(|()| ApiError::bad_request(format!("Invalid sort direction: {dir}")))
}

/// Reads a limit.
///
/// # Errors
/// 400 for what is no number or below zero.
pub fn limit(limit: &str) -> ApiResult<u64> {
    let number: i128 = limit.trim().parse().map_err(|_| ApiError::bad_request("limit param must be an integer"))?;
    if number < 0 {
        return Err(ApiError::bad_request("limit param must be positive"));
    }
    Ok(u64::try_from(number).unwrap_or(MAX_LIMIT).min(MAX_LIMIT))
}

fn member_status(status: &str) -> ApiResult<MemberStatus> {
    match status {
        "accepted" => Ok(MemberStatus::Accepted),
        "pending" | "rejected" => Ok(MemberStatus::Is(status.to_owned())),
        "all" => Ok(MemberStatus::All),
        _ => Err(ApiError::bad_request(format!("Invalid status: {status}"))),
    }
}

fn visibility(visibility: &str) -> ApiResult<VisibilityFilter> {
    if visibility == "all" {
        return Ok(VisibilityFilter::All);
    }
    let one = visibility.parse();
    one.map(VisibilityFilter::Is).map_err(|_| ApiError::bad_request(format!("Invalid visibility value: {visibility}")))
}

fn boolean(name: &str, value: &str) -> ApiResult<bool> {
    value.parse().map_err(|_| {
        ApiError::bad_request(format!(
            "Invalid value '{value}' for '{name}' filter. Valid values are 'true' or 'false'."
        ))
    })
}

/// The links of a list at a path: to its first page, and to the one after `marker`.
#[must_use]
pub fn links(path: &str, query: &str, marker: Option<&str>) -> (String, Option<String>) {
    let mut rest = form_urlencoded::Serializer::new(String::new());
    rest.extend_pairs(form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "marker"));
    let rest = rest.finish();
    let first = if rest.is_empty() { path.to_owned() } else { format!("{path}?{rest}") };
    let next = marker.map(|marker| {
        let separator = if rest.is_empty() { '?' } else { '&' };
        format!("{first}{separator}marker={marker}")
    });
    (first, next)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{ApiResult, links};
    use crate::config::Bounds;
    use crate::db::Direction::{Asc, Desc};
    use crate::db::Listing;

    fn listing(query: &str) -> ApiResult<Listing> {
        super::listing(query, &Bounds::default())
    }

    #[test]
    fn both_ways_to_sort_say_the_same() {
        let new = listing("sort=name:asc,size").unwrap();
        let old = listing("sort_key=name&sort_dir=asc&sort_key=size&sort_dir=desc").unwrap();
        assert_eq!((&new.sort_key, &new.sort_dir), (&old.sort_key, &old.sort_dir));
        assert_eq!(new.sort_dir, [Asc, Desc]);
    }

    #[test]
    fn nonsense_is_refused() {
        for query in [
            "limit=x",
            "limit=-1",
            "sort=name&sort_key=name",
            "sort=color",
            "sort=name:up",
            "sort_key=",
            "sort_dir=asc&sort_dir=desc",
            "visibility=secret",
            "member_status=maybe",
            "os_hidden=yes",
            "protected=1",
            "changes-since=2026-01-01",
        ] {
            assert_eq!(listing(query).unwrap_err().status(), 400, "{query}");
        }
    }

    #[test]
    fn a_list_has_so_many_keys_filters_and_values_and_no_more() {
        let many = |n: usize, part: &dyn Fn(usize) -> String| (0..n).map(part).collect::<Vec<_>>().join("&");
        for (query, said) in [
            ("sort=name,name".to_owned(), "more than once"),
            ("sort=name:asc,size,name:desc".to_owned(), "more than once"),
            ("sort_key=name&sort_key=size&sort_key=name".to_owned(), "more than once"),
            (format!("sort={}", vec!["name"; 12_000].join(",")), "more than once"),
            (many(9, &|_| "sort_dir=asc".to_owned()), "at most 8 sort directions"),
            (many(65, &|at| format!("tag=t{at}")), "at most 64 filters"),
            (many(65, &|at| format!("p{at}=x")), "at most 64 filters"),
            (format!("name=in:{}", "a,".repeat(1000)), "at most 1000"),
            (format!("id=in:{}", "a,".repeat(1000)), "at most 1000"),
        ] {
            let refused = listing(&query).unwrap_err();
            assert_eq!(refused.status(), 400);
            assert!(refused.message().contains(said), "{}", refused.message());
        }
        listing(&format!("name=in:{}b", "a,".repeat(999))).unwrap();
        listing(&many(64, &|at| format!("p{at}=x"))).unwrap();
        assert_eq!(listing(&many(1000, &|_| "tag=t".to_owned())).unwrap().filters.tags, ["t"]);
        listing("sort=name,status,container_format,disk_format,size,id,created_at,updated_at").unwrap();
    }

    #[test]
    fn limits_are_capped_and_links_keep_the_query() {
        assert_eq!(listing("limit=99999999999999999999999").unwrap().limit, Some(1000));
        let (first, next) = links("/v2/images", "limit=2&marker=a&tag=x%20y&tag=z", Some("b"));
        assert_eq!(first, "/v2/images?limit=2&tag=x+y&tag=z");
        assert_eq!(next.unwrap(), "/v2/images?limit=2&tag=x+y&tag=z&marker=b");
        assert_eq!(links("/v2/images", "", Some("b")).1.unwrap(), "/v2/images?marker=b");
    }
}
