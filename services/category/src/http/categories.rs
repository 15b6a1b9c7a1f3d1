//! Categories for staff. Requests become commands and queries; nothing else happens here.

use std::str::FromStr;

use kernel::{CategoryId, Expected, Malformed, Slug};
use rest::{App, Body, IdempotencyKey, IfMatch, Path, Problem, Recorded, Staff, Tagged, holds, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    commands::{CreateCategory, MoveCategory, NewSlug, RenameCategory},
    domain::{Category, CategoryName},
    queries::{CategoryList, FindCategory, ListCategories},
};

/// The category that the path names.
#[derive(Deserialize, JsonSchema)]
pub(super) struct CategoryPath {
    category: CategoryId,
}

/// A category to create.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateCategoryBody {
    /// 1 to 120 characters.
    #[garde(custom(parses(CategoryName::parse)))]
    #[schemars(with = "CategoryName")]
    name: String,
    /// 1 to 64 lower-case letters, digits and hyphens; unique among the siblings. Left out, it is made from the name, with
    /// a suffix when a sibling has it.
    #[garde(custom(holds(self.slug())))]
    #[schemars(with = "Option<Slug>")]
    slug: Option<String>,
    /// The parent category; left out for the top level.
    #[garde(inner(custom(parses(CategoryId::from_str))))]
    #[schemars(with = "Option<CategoryId>")]
    parent: Option<String>,
    /// Index among the siblings; left out, or past their end, for the end.
    #[garde(range(max = 999))]
    position: Option<u32>,
}

/// Where to move a category.
#[derive(Debug, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct MoveCategoryBody {
    /// The parent category; left out or null for the top level.
    #[garde(inner(custom(parses(CategoryId::from_str))))]
    #[schemars(with = "Option<CategoryId>")]
    parent: Option<String>,
    /// Index among the new siblings; left out, or past their end, for the end.
    #[garde(range(max = 999))]
    position: Option<u32>,
}

/// The new name and slug of a category; what is left out stays as it is.
#[derive(Debug, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct RenameCategoryBody {
    /// 1 to 120 characters.
    #[garde(inner(custom(parses(CategoryName::parse))))]
    #[schemars(with = "Option<CategoryName>")]
    name: Option<String>,
    /// 1 to 64 lower-case letters, digits and hyphens; unique among the siblings.
    #[garde(inner(custom(parses(Slug::parse))))]
    #[schemars(with = "Option<Slug>")]
    slug: Option<String>,
}

pub(super) async fn create(
    app: App,
    by: Staff,
    key: IdempotencyKey,
    Body(body): Body<CreateCategoryBody>,
) -> Result<Recorded<Category>, Problem> {
    let command = body.command()?;
    app.create(&by, &key, &body, command, |category| format!("/admin/v1/categories/{}", category.id())).await
}

pub(super) async fn list(app: App, by: Staff) -> Result<rest::Ok<CategoryList>, Problem> {
    Ok(rest::Ok(app.ask(&by, ListCategories).await?))
}

pub(super) async fn find(
    app: App,
    by: Staff,
    Path(at): Path<CategoryPath>,
) -> Result<Tagged<rest::Ok<Category>>, Problem> {
    let category = app.ask(&by, FindCategory { category: at.category }).await?;
    Ok(Tagged::version(category.version(), rest::Ok(category)))
}

pub(super) async fn rename(
    app: App,
    by: Staff,
    Path(at): Path<CategoryPath>,
    expected: IfMatch,
    Body(body): Body<RenameCategoryBody>,
) -> Result<Tagged<rest::Ok<Category>>, Problem> {
    let category = app.send(&by, body.command(at.category, expected.versions())?).await?;
    Ok(Tagged::version(category.version(), rest::Ok(category)))
}

pub(super) async fn relocate(
    app: App,
    by: Staff,
    Path(at): Path<CategoryPath>,
    Body(body): Body<MoveCategoryBody>,
) -> Result<Tagged<rest::Ok<Category>>, Problem> {
    let category = app.send(&by, body.command(at.category)?).await?;
    Ok(Tagged::version(category.version(), rest::Ok(category)))
}

impl CreateCategoryBody {
    fn slug(&self) -> Result<NewSlug, Malformed> {
        if let Some(asked) = &self.slug {
            return Slug::parse(asked).map(NewSlug::Asked);
        }
        let needed = "is needed, since the name has no letter or digit to make one from";
        Slug::suggest(&self.name).map(NewSlug::Suggested).ok_or(Malformed::new("slug", needed))
    }

    fn command(&self) -> Result<CreateCategory, Malformed> {
        Ok(CreateCategory {
            category: CategoryId::new(),
            parent: self.parent.as_deref().map(str::parse).transpose()?,
            name: CategoryName::parse(&self.name)?,
            slug: self.slug()?,
            position: position(self.position),
        })
    }
}

impl MoveCategoryBody {
    fn command(&self, category: CategoryId) -> Result<MoveCategory, Malformed> {
        let parent = self.parent.as_deref().map(str::parse).transpose()?;
        Ok(MoveCategory { category, parent, position: position(self.position) })
    }
}

impl RenameCategoryBody {
    fn command(&self, category: CategoryId, expected: Expected) -> Result<RenameCategory, Malformed> {
        let name = self.name.as_deref().map(CategoryName::parse).transpose()?;
        let slug = self.slug.as_deref().map(Slug::parse).transpose()?;
        Ok(RenameCategory { category, expected, name, slug })
    }
}

fn position(number: Option<u32>) -> Option<usize> {
    number.and_then(|number| usize::try_from(number).ok())
}
