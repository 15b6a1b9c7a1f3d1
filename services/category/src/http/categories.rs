//! Categories for staff. Requests become commands and queries; nothing else happens here.

use std::{collections::BTreeMap, str::FromStr};

use kernel::{CategoryId, Expected, Malformed, Slug};
use query::{Answer, FieldList, Request};
use rest::{
    App, Body, Fingerprinted, IdempotencyKey, IfMatch, Path, Problem, Query, Recorded, Serialised, Staff, Tagged,
    holds, parses,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    commands::{
        ChangeCategory, CreateCategory, MoveCategory, NewSlug, ReorderCategories, RestoreCategory, RetireCategory,
    },
    domain::{Category, CategoryName, DetailsChange, Icon, ImageLink, References},
    queries::{
        Categories, CategoryList, DescribeCategories, FindCategory, FoundCategory, ListCategories, QueryCategories,
    },
};

/// The category that the path names.
#[derive(Deserialize, JsonSchema)]
pub(super) struct CategoryPath {
    category: CategoryId,
}

/// Which part of the tree.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PartOfTree {
    /// Only this category and everything below it; left out for the whole tree.
    root: Option<CategoryId>,
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
    /// The name of an icon, or an emoji: 1 to 40 characters.
    #[garde(inner(custom(parses(Icon::parse))))]
    #[schemars(with = "Option<Icon>")]
    icon: Option<String>,
    /// An https address of an image, at most 2,000 characters.
    #[garde(inner(custom(parses(ImageLink::parse))))]
    #[schemars(with = "Option<ImageLink>")]
    image: Option<String>,
    /// What other systems call it: codes of systems (slugs), each with 1 to 200 characters; at most 20.
    #[garde(custom(holds(references_of(self.references.as_ref()))))]
    #[schemars(with = "Option<References>")]
    references: Option<BTreeMap<String, String>>,
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

/// What is to be different about a category; what is left out stays as it is.
#[derive(Debug, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeCategoryBody {
    /// 1 to 120 characters.
    #[garde(inner(custom(parses(CategoryName::parse))))]
    #[schemars(with = "Option<CategoryName>")]
    name: Option<String>,
    /// 1 to 64 lower-case letters, digits and hyphens; unique among the siblings.
    #[garde(inner(custom(parses(Slug::parse))))]
    #[schemars(with = "Option<Slug>")]
    slug: Option<String>,
    /// The name of an icon, or an emoji: 1 to 40 characters. Null takes it away.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(inner(inner(custom(parses(Icon::parse)))))]
    #[schemars(with = "Option<Icon>")]
    icon: Option<Option<String>>,
    /// An https address of an image, at most 2,000 characters. Null takes it away.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(inner(inner(custom(parses(ImageLink::parse)))))]
    #[schemars(with = "Option<ImageLink>")]
    image: Option<Option<String>>,
    /// What other systems call it, all of it: codes of systems (slugs), each with 1 to 200 characters; at most 20. Those that
    /// are left out go.
    #[garde(custom(holds(references_of(self.references.as_ref()))))]
    #[schemars(with = "Option<References>")]
    references: Option<BTreeMap<String, String>>,
}

/// The order of the children of a parent.
#[derive(Debug, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ReorderCategoriesBody {
    /// The parent category; left out or null for the top level.
    #[garde(inner(custom(parses(CategoryId::from_str))))]
    #[schemars(with = "Option<CategoryId>")]
    parent: Option<String>,
    /// Each child of the parent once, retired ones included, in their new order.
    #[garde(length(max = 1_000), inner(custom(parses(CategoryId::from_str))))]
    #[schemars(with = "Vec<CategoryId>", length(max = 1_000))]
    children: Vec<String>,
}

/// The children of a parent.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Children {
    /// In their order.
    items: Vec<Category>,
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

pub(super) async fn list(
    app: App,
    by: Staff,
    Query(part): Query<PartOfTree>,
) -> Result<Fingerprinted<CategoryList>, Problem> {
    Fingerprinted::private(&app.ask(&by, ListCategories { root: part.root }).await?)
}

pub(super) async fn query(
    app: App,
    by: Staff,
    Body(request): Body<Request<Categories>>,
) -> Result<rest::Ok<Answer<Categories>>, Problem> {
    Ok(rest::Ok(app.ask(&by, QueryCategories(request)).await?))
}

pub(super) async fn fields(app: App, by: Staff) -> Result<rest::Ok<FieldList>, Problem> {
    Ok(rest::Ok(app.ask(&by, DescribeCategories).await?))
}

pub(super) async fn find(
    app: App,
    by: Staff,
    Path(at): Path<CategoryPath>,
) -> Result<Tagged<Serialised<FoundCategory>>, Problem> {
    let found = app.ask(&by, FindCategory { category: at.category }).await?;
    Tagged::shown(found.node.category.version(), &found)
}

pub(super) async fn change(
    app: App,
    by: Staff,
    Path(at): Path<CategoryPath>,
    expected: IfMatch,
    Body(body): Body<ChangeCategoryBody>,
) -> Result<Tagged<rest::Ok<Category>>, Problem> {
    Ok(tagged(app.send(&by, body.command(at.category, expected.versions())?).await?))
}

pub(super) async fn retire(
    app: App,
    by: Staff,
    Path(at): Path<CategoryPath>,
) -> Result<Tagged<rest::Ok<Category>>, Problem> {
    Ok(tagged(app.send(&by, RetireCategory { category: at.category }).await?))
}

pub(super) async fn restore(
    app: App,
    by: Staff,
    Path(at): Path<CategoryPath>,
) -> Result<Tagged<rest::Ok<Category>>, Problem> {
    Ok(tagged(app.send(&by, RestoreCategory { category: at.category }).await?))
}

pub(super) async fn reorder(
    app: App,
    by: Staff,
    Body(body): Body<ReorderCategoriesBody>,
) -> Result<rest::Ok<Children>, Problem> {
    Ok(rest::Ok(Children { items: app.send(&by, body.command()?).await? }))
}

pub(super) async fn relocate(
    app: App,
    by: Staff,
    Path(at): Path<CategoryPath>,
    Body(body): Body<MoveCategoryBody>,
) -> Result<Tagged<rest::Ok<Category>>, Problem> {
    Ok(tagged(app.send(&by, body.command(at.category)?).await?))
}

fn tagged(category: Category) -> Tagged<rest::Ok<Category>> {
    Tagged::version(category.version(), rest::Ok(category))
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
            icon: self.icon.as_deref().map(Icon::parse).transpose()?,
            image: self.image.as_deref().map(ImageLink::parse).transpose()?,
            references: references_of(self.references.as_ref())?.unwrap_or_default(),
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

impl ChangeCategoryBody {
    fn command(&self, category: CategoryId, expected: Expected) -> Result<ChangeCategory, Malformed> {
        let change = DetailsChange {
            name: self.name.as_deref().map(CategoryName::parse).transpose()?,
            slug: self.slug.as_deref().map(Slug::parse).transpose()?,
            icon: self.icon.as_ref().map(|icon| icon.as_deref().map(Icon::parse).transpose()).transpose()?,
            image: self.image.as_ref().map(|image| image.as_deref().map(ImageLink::parse).transpose()).transpose()?,
            references: references_of(self.references.as_ref())?,
        };
        Ok(ChangeCategory { category, expected, change })
    }
}

impl ReorderCategoriesBody {
    fn command(&self) -> Result<ReorderCategories, Malformed> {
        let parent = self.parent.as_deref().map(str::parse).transpose()?;
        let children = self.children.iter().map(|child| child.parse()).collect::<Result<_, _>>()?;
        Ok(ReorderCategories { parent, children })
    }
}

fn references_of(sent: Option<&BTreeMap<String, String>>) -> Result<Option<References>, Malformed> {
    sent.map(References::parse).transpose()
}

fn position(number: Option<u32>) -> Option<usize> {
    number.and_then(|number| usize::try_from(number).ok())
}
