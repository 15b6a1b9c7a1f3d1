//! Pages of products. The rule: every sort and filter has an index that begins with the organisation and ends with the
//! product's id, so a page is read in its final order and costs the same however far into the list it is.

use std::fmt;

use chrono::Datelike;
use contracts::catalog::ProductStatus;
use diesel::pg::Pg;
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{
    CategoryId, Currency, Cursor, Malformed, Money, OrganisationId, Page, PageSize, ProductId, Slug, Timestamp,
};
use persistence::{ReadConn, limited};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::wording::Title;
use crate::error::Error;
use crate::schema::products;

/// What a list is sorted by; a leading `-` reverses the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Sort {
    /// From A to Z.
    #[serde(rename = "title")]
    Title,
    /// From Z to A.
    #[serde(rename = "-title")]
    TitleDescending,
    /// The oldest first.
    #[serde(rename = "created_at")]
    Created,
    /// The newest first.
    #[serde(rename = "-created_at")]
    CreatedDescending,
    /// The longest unchanged first.
    #[serde(rename = "updated_at")]
    Updated,
    /// The latest changed first.
    #[serde(rename = "-updated_at")]
    UpdatedDescending,
    /// The cheapest first, by the lowest price of their variants.
    #[serde(rename = "price")]
    Price,
    /// The dearest first.
    #[serde(rename = "-price")]
    PriceDescending,
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Only products of this category itself, not of those below it.
    pub category: Option<CategoryId>,
    /// Only products of this status.
    pub status: Option<ProductStatus>,
    /// The order of the list.
    pub sort: Sort,
    /// Where the page begins; the first page when there is none.
    pub cursor: Option<Cursor>,
    /// How many items it has at most.
    pub size: PageSize,
}

/// A product in a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProductSummary {
    /// Its identity.
    pub id: ProductId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name for people.
    pub title: Title,
    /// Its category, if it has one.
    pub category: Option<CategoryId>,
    /// Whether it is sold.
    pub status: ProductStatus,
    /// The lowest price of a variant that is sold.
    pub price_from: Money,
    /// How many variants it has.
    pub variant_count: i32,
    /// Rises with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The sort key of a page's last item.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    sort: Sort,
    #[serde(flatten)]
    key: Key,
    id: ProductId,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Key {
    Title(Title),
    Created(()),
    Updated(Timestamp),
    Price(i64),
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = products)]
struct SummaryRow {
    product_id: Uuid,
    slug: String,
    title: String,
    category_id: Option<Uuid>,
    status: String,
    price_from_minor: i64,
    currency: String,
    variant_count: i32,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

type Boxed<'q> = products::BoxedQuery<'q, Pg>;

impl Listing {
    /// Reads the page.
    pub(super) async fn read(&self, read: &mut ReadConn<'_>) -> Result<Page<ProductSummary>, Error> {
        let select = self.select(read.organisation())?;
        let rows: Vec<SummaryRow> =
            limited(select.select(SummaryRow::as_select()), self.size).load(read.connection()).await?;
        let items = rows.into_iter().map(ProductSummary::try_from).collect::<Result<Vec<_>, _>>()?;
        let sort = self.sort;
        Ok(Page::cut(items, self.size, |last| Mark { sort, key: sort.key_of(last), id: last.id })?)
    }

    /// The text of its SELECT with placeholders, so that a test can ask for its plan.
    ///
    /// # Errors
    /// When the cursor is not from this list.
    pub fn sql(&self, organisation: OrganisationId) -> Result<String, Malformed> {
        let select = limited(self.select(organisation)?.select(SummaryRow::as_select()), self.size);
        let text = diesel::debug_query::<Pg, _>(&select).to_string();
        Ok(text.split(" -- binds").next().unwrap_or_default().to_owned())
    }

    fn select(&self, organisation: OrganisationId) -> Result<Boxed<'static>, Malformed> {
        let mut select = products::table.filter(products::org_id.eq(organisation.uuid())).into_boxed();
        if let Some(category) = self.category {
            select = select.filter(products::category_id.eq(category.uuid()));
        }
        if let Some(status) = self.status {
            select = select.filter(products::status.eq(status.as_str()));
        }
        let select = self.sort.order(select);
        match &self.cursor {
            None => Ok(select),
            Some(cursor) => {
                let mark: Mark = cursor.decode()?;
                self.sort.after(select, mark)
            }
        }
    }
}

/// The name in the query string: `-created_at`.
impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl Sort {
    fn key_of(self, item: &ProductSummary) -> Key {
        match self {
            Sort::Title | Sort::TitleDescending => Key::Title(item.title.clone()),
            Sort::Created | Sort::CreatedDescending => Key::Created(()),
            Sort::Updated | Sort::UpdatedDescending => Key::Updated(item.updated_at),
            Sort::Price | Sort::PriceDescending => Key::Price(item.price_from.minor()),
        }
    }

    fn order(self, select: Boxed<'_>) -> Boxed<'_> {
        use products::{price_from_minor, product_id, title, updated_at};
        match self {
            Sort::Title => select.order_by((title.asc(), product_id.asc())),
            Sort::TitleDescending => select.order_by((title.desc(), product_id.desc())),
            // Ids are made in the order of creation.
            Sort::Created => select.order_by(product_id.asc()),
            Sort::CreatedDescending => select.order_by(product_id.desc()),
            Sort::Updated => select.order_by((updated_at.asc(), product_id.asc())),
            Sort::UpdatedDescending => select.order_by((updated_at.desc(), product_id.desc())),
            Sort::Price => select.order_by((price_from_minor.asc(), product_id.asc())),
            Sort::PriceDescending => select.order_by((price_from_minor.desc(), product_id.desc())),
        }
    }

    /// What comes after the mark. `a >= x and (a > x or id > y)` means the same as `(a, id) > (x, y)`, which Diesel cannot
    /// say, and its first half is the bound that the index scan begins at.
    fn after(self, select: Boxed<'_>, mark: Mark) -> Result<Boxed<'_>, Malformed> {
        use products::{price_from_minor, product_id, title, updated_at};
        let id = mark.id.uuid();
        if mark.sort != self {
            return Err(Malformed::new("cursor", "is from a list with another sort; leave it out to begin anew"));
        }
        // Anybody can write a cursor, and PostgreSQL's range of times is smaller than this program's.
        if let Key::Updated(at) = &mark.key
            && !(1970..=9999).contains(&at.year())
        {
            return Err(Malformed::new("cursor", "is not from this list; leave it out to begin anew"));
        }
        Ok(match (self, mark.key) {
            (Sort::Title, Key::Title(at)) => {
                let at = at.as_str().to_owned();
                select.filter(title.ge(at.clone()).and(title.gt(at).or(product_id.gt(id))))
            }
            (Sort::TitleDescending, Key::Title(at)) => {
                let at = at.as_str().to_owned();
                select.filter(title.le(at.clone()).and(title.lt(at).or(product_id.lt(id))))
            }
            (Sort::Created, Key::Created(())) => select.filter(product_id.gt(id)),
            (Sort::CreatedDescending, Key::Created(())) => select.filter(product_id.lt(id)),
            (Sort::Updated, Key::Updated(at)) => {
                select.filter(updated_at.ge(at).and(updated_at.gt(at).or(product_id.gt(id))))
            }
            (Sort::UpdatedDescending, Key::Updated(at)) => {
                select.filter(updated_at.le(at).and(updated_at.lt(at).or(product_id.lt(id))))
            }
            (Sort::Price, Key::Price(at)) => {
                select.filter(price_from_minor.ge(at).and(price_from_minor.gt(at).or(product_id.gt(id))))
            }
            (Sort::PriceDescending, Key::Price(at)) => {
                select.filter(price_from_minor.le(at).and(price_from_minor.lt(at).or(product_id.lt(id))))
            }
            (_, Key::Title(_) | Key::Created(()) | Key::Updated(_) | Key::Price(_)) => {
                return Err(Malformed::new("cursor", "is not from this list; leave it out to begin anew"));
            }
        })
    }
}

impl TryFrom<SummaryRow> for ProductSummary {
    type Error = Error;

    fn try_from(row: SummaryRow) -> Result<Self, Error> {
        let corrupt = |cause: Malformed| Error::corrupt("product", cause);
        let currency = Currency::parse(&row.currency).map_err(corrupt)?;
        Ok(Self {
            id: ProductId::from_uuid(row.product_id),
            slug: Slug::parse(&row.slug).map_err(corrupt)?,
            title: Title::parse(&row.title).map_err(corrupt)?,
            category: row.category_id.map(CategoryId::from_uuid),
            status: kernel::parse_name("status", &row.status).map_err(corrupt)?,
            price_from: Money::from_minor(row.price_from_minor, currency).map_err(corrupt)?,
            variant_count: row.variant_count,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
