//! Which products stand in which categories, as catalog says, and how many that makes for each category.
//! The rule: a product counts once in a category's whole subtree, in however many categories of it it stands.

use std::collections::{HashMap, HashSet};

use kernel::{CategoryId, OrganisationId, ProductId};

/// One product as catalog published it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductCopy {
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Its identity.
    pub product: ProductId,
    /// Where it stands, sorted and each once; nothing for a product that is gone.
    pub categories: Vec<CategoryId>,
    /// Whether it is sold.
    pub active: bool,
    /// Rises with every change.
    pub version: i64,
}

/// How many products stand in exactly these categories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The categories.
    pub categories: Vec<CategoryId>,
    /// Products of every status.
    pub products: i64,
    /// Those that are sold.
    pub active: i64,
}

/// The counts of one category.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Products in the category itself.
    pub own: i64,
    /// Products in it or anywhere below it.
    pub below: i64,
}

/// The counts of many categories.
#[derive(Debug, Clone, Default)]
pub struct Counts(HashMap<CategoryId, Counted>);

impl Counts {
    /// Counts for the categories that `path` knows, by their paths; `number` says which number of a tally counts. What
    /// stands in a category without a path is counted nowhere.
    pub fn of<'p>(
        tallies: &[Tally],
        path: impl Fn(CategoryId) -> Option<&'p [CategoryId]>,
        number: impl Fn(&Tally) -> i64,
    ) -> Self {
        let mut counts: HashMap<CategoryId, Counted> = HashMap::new();
        let mut above = HashSet::new();
        for tally in tallies {
            above.clear();
            for (category, path) in tally.categories.iter().filter_map(|id| Some((*id, path(*id)?))) {
                counts.entry(category).or_default().own += number(tally);
                above.extend(path);
            }
            for category in &above {
                counts.entry(*category).or_default().below += number(tally);
            }
        }
        Self(counts)
    }

    /// Those of one category.
    #[must_use]
    pub fn category(&self, id: CategoryId) -> Counted {
        self.0.get(&id).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_in_two_categories_counts_once_above_both() {
        let [home, lamps, desks, sale, unknown] = [(); 5].map(|()| CategoryId::new());
        let paths = HashMap::from([
            (home, vec![home]),
            (lamps, vec![home, lamps]),
            (desks, vec![home, desks]),
            (sale, vec![sale]),
        ]);
        let tally =
            |categories: &[CategoryId], products| Tally { categories: categories.to_vec(), products, active: 0 };
        let tallies = [
            tally(&[lamps], 3),
            tally(&[lamps, desks], 2),
            tally(&[desks, sale], 1),
            tally(&[home, lamps, unknown], 5),
        ];
        let counts = Counts::of(&tallies, |id| paths.get(&id).map(Vec::as_slice), |tally| tally.products);
        let figures = |id| (counts.category(id).own, counts.category(id).below);
        assert_eq!(figures(home), (5, 11));
        assert_eq!(figures(lamps), (10, 10));
        assert_eq!(figures(desks), (3, 3));
        assert_eq!(figures(sale), (1, 1));
        assert_eq!(figures(unknown), (0, 0));
    }
}
