//! On whose behalf a function acts.

use super::entities::{Image, Visibility};

/// The caller of a database function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// An admin sees and changes everything.
    pub is_admin: bool,
    /// The project that acts: *the owner of the context*.
    pub project_id: Option<String>,
    /// Whether deleted records are seen.
    pub show_deleted: bool,
    /// Who acts, for logs.
    pub user_id: Option<String>,
    /// The caller's roles in lower case; no database function looks at them.
    pub roles: Vec<String>,
    /// The request, for logs.
    pub request_id: Option<String>,
}

impl Context {
    /// An admin of no project.
    #[must_use]
    pub fn admin() -> Self {
        Self { is_admin: true, ..Self::default() }
    }

    /// A plain member of a project.
    #[must_use]
    pub fn member_of(project: impl Into<String>) -> Self {
        Self { project_id: Some(project.into()), ..Self::default() }
    }

    /// The owner of the context.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.project_id.as_deref()
    }

    /// Whether deleted records are seen.
    #[must_use]
    pub const fn sees_deleted(&self) -> bool {
        self.is_admin || self.show_deleted
    }

    /// Whether the context may change the image: an admin, or its owner.
    #[must_use]
    pub fn may_change(&self, image: &Image) -> bool {
        self.is_admin || (image.owner.is_some() && image.owner.as_deref() == self.owner())
    }

    /// Whether the context sees the image, or `None` if that depends on the image's members. What nobody owns is open unless it
    /// is private: two that have no project are not the same one.
    #[must_use]
    pub(super) fn sees(&self, image: &Image) -> Option<bool> {
        let open = self.is_admin
            || (image.owner.is_none() && image.visibility != Visibility::Private)
            || matches!(image.visibility, Visibility::Public | Visibility::Community)
            || (image.owner.is_some() && image.owner.as_deref() == self.owner());
        match (open, image.visibility, self.owner()) {
            (true, ..) => Some(true),
            (false, Visibility::Shared, Some(_)) => None,
            (false, ..) => Some(false),
        }
    }
}
