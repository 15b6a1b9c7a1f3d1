//! What is told, in Vietnamese.
//! The rule: every kind of fact has its words; a new kind does not compile without them.

use contracts::catalog::Reason;
use contracts::notifier::ChatStep;
use contracts::order::{Cause, OversoldLine, Status, StepRefusal};

use super::super::outside::outside;
use super::super::{Fact, FactKind, Language, OrderName, Voice};
use super::{
    REASON_SHOWN, REASONS_SHOWN, REFERENCE_SHOWN, SKUS_SHOWN, Words, amounts, first, named, named_order, quoted, tally,
};

/// The Vietnamese words.
pub(super) struct Vietnamese;

impl Words for Vietnamese {
    fn language(&self) -> Language {
        Language::Vi
    }

    fn told(&self, fact: &Fact, voice: &Voice) -> String {
        match fact {
            Fact::Linked { name } => format!(
                "Nhóm chat này đã được liên kết với tên “{}”: mọi việc trong cửa hàng sẽ được báo tại đây",
                outside(name, 100)
            ),
            Fact::Test => "Tin nhắn thử: điểm nhận tin này hoạt động tốt".to_owned(),
            Fact::ActionAnswered { order, number, step, refused, status } => {
                let name = named_order(&OrderName { order: *order, number: *number }, voice);
                let (done, not_done) = match step {
                    ChatStep::Pack => ("Đã đóng gói", "Chưa đóng gói"),
                    ChatStep::Cancel => ("Đã hủy", "Chưa hủy"),
                };
                match refused {
                    None => format!("{done} theo yêu cầu: {name}"),
                    Some(StepRefusal::NotPossible) => {
                        let stands = status.map_or_else(String::new, |status| format!(" {}", self.status(status)));
                        format!("{not_done}: {name}{stands}")
                    }
                    Some(StepRefusal::NotPermitted) => format!("{not_done}: người yêu cầu không có quyền · {name}"),
                    Some(StepRefusal::TooLate) => format!("{not_done}: yêu cầu đã quá lâu · {name}"),
                    Some(StepRefusal::NoSuchOrder) => format!("{not_done}: không có đơn này · {name}"),
                }
            }
            Fact::Heartbeat { day, counts } => {
                let tally = if counts.is_empty() { "không có gì xảy ra".to_owned() } else { tally(counts, self) };
                format!("Hôm qua, {}: {tally}", day.format("%-d/%-m"))
            }
            Fact::OrderPlaced { order, lines, units, total, reference } => format!(
                "Đơn mới: {} · {} mặt hàng, {} sản phẩm · {}{}",
                self.money(total),
                counted(u64::from(*lines)),
                self.number(*units),
                named_order(order, voice),
                quoted(reference.as_deref(), REFERENCE_SHOWN)
            ),
            Fact::OrderConfirmed { order, total } => {
                format!("Đã xác nhận: {} · {}", self.money(total), named_order(order, voice))
            }
            Fact::OrderRejected { order, reasons } => {
                format!("Bị từ chối: {} · {}", self.reasons(reasons), named_order(order, voice))
            }
            Fact::OrderCancelled { order, cause } => {
                format!("Đã hủy: {} · {}", self.cause(*cause), named_order(order, voice))
            }
            Fact::ImportFailed { rows, failed, reason, .. } => {
                let early = if reason.is_some() { ", phần còn lại chưa được đọc" } else { "" };
                format!(
                    "Nhập hàng: {} trong {} dòng bị từ chối{early}{}",
                    counted(*failed),
                    counted(*rows),
                    quoted(reason.as_deref(), REASON_SHOWN)
                )
            }
            Fact::StockLow { sku, available, threshold } => format!(
                "Sắp hết hàng: {} · còn {} (ngưỡng cảnh báo {})",
                named(sku),
                self.number(*available),
                self.number(*threshold)
            ),
            Fact::StockDepleted { sku, available } if *available < 0 => {
                let missing = self.number(available.saturating_neg());
                format!("Hết hàng: {} · đã nhận bán vượt {missing} sản phẩm", named(sku))
            }
            Fact::StockDepleted { sku, .. } => format!("Hết hàng: {}", named(sku)),
            Fact::OrderOversold { order, lines } => {
                format!("Bán vượt tồn kho: thiếu {} · {}", self.missing(lines), named_order(order, voice))
            }
            Fact::OrderHeld { order, reason } => format!(
                "Tạm giữ: hàng của đơn không còn được giữ chỗ · {}{}",
                named_order(order, voice),
                quoted(reason.as_deref(), REASON_SHOWN)
            ),
            Fact::ReturnRequested { order, units, reason, .. } => format!(
                "Yêu cầu trả hàng: {} sản phẩm · {}{}",
                self.number(*units),
                named_order(order, voice),
                quoted(reason.as_deref(), REASON_SHOWN)
            ),
        }
    }

    fn count(&self, kind: FactKind, number: u64) -> String {
        let number = counted(number);
        match kind {
            FactKind::Linked => format!("{number} liên kết"),
            FactKind::ActionAnswered => format!("{number} câu trả lời cho nút bấm"),
            FactKind::Heartbeat => format!("{number} báo cáo hằng ngày"),
            FactKind::Test => format!("{number} tin nhắn thử"),
            FactKind::OrderPlaced => format!("{number} đơn mới"),
            FactKind::OrderConfirmed => format!("{number} đơn đã xác nhận"),
            FactKind::OrderRejected => format!("{number} đơn bị từ chối"),
            FactKind::OrderCancelled => format!("{number} đơn đã hủy"),
            FactKind::ImportFailed => format!("{number} lần nhập hàng có lỗi"),
            FactKind::StockLow => format!("{number} cảnh báo sắp hết hàng"),
            FactKind::StockDepleted => format!("{number} SKU hết hàng"),
            FactKind::OrderOversold => format!("{number} đơn bán vượt tồn kho"),
            FactKind::OrderHeld => format!("{number} đơn tạm giữ"),
            FactKind::ReturnRequested => format!("{number} yêu cầu trả hàng"),
        }
    }

    fn events(&self, number: u64) -> String {
        format!("{} sự kiện", counted(number))
    }

    fn organisations(&self, number: u64) -> String {
        format!("{} tổ chức", counted(number))
    }

    fn more(&self, number: u64) -> String {
        format!("… và {} khác, đã tính ở trên", self.events(number))
    }

    fn last_minute(&self) -> &'static str {
        "trong phút vừa qua"
    }

    fn since(&self, time: &str) -> String {
        format!("từ {time}")
    }

    fn order(&self, number: &str) -> String {
        format!("đơn {number}")
    }

    fn reasons(&self, reasons: &[Reason]) -> String {
        let (shown, more) = first(reasons, REASONS_SHOWN);
        let mut said: Vec<String> = shown.iter().map(|one| reason(self, one)).collect();
        if more > 0 {
            said.push(format!("và {more} lý do khác"));
        }
        if said.is_empty() { "không nêu lý do".to_owned() } else { said.join("; ") }
    }

    fn missing(&self, lines: &[OversoldLine]) -> String {
        let (shown, more) = first(lines, SKUS_SHOWN);
        let one = |line: &OversoldLine| format!("{} × {}", self.number(line.quantity.get()), named(&line.sku));
        let mut said: Vec<String> = shown.iter().map(one).collect();
        if more > 0 {
            said.push(format!("{more} SKU khác"));
        }
        said.join(", ")
    }

    fn cause(&self, cause: Cause) -> &'static str {
        match cause {
            Cause::Shopper => "bởi người mua",
            Cause::Staff => "bởi nhân viên",
            Cause::Deadline => "đã quá thời hạn",
            Cause::ReservationExpired => "đã hết thời gian giữ hàng",
        }
    }

    fn status(&self, status: Status) -> &'static str {
        match status {
            Status::Pending => "đang chờ",
            Status::Confirmed => "đã xác nhận",
            Status::OnHold => "đang tạm giữ",
            Status::Packed => "đã đóng gói",
            Status::Shipped => "đã gửi đi",
            Status::Delivered => "đã giao",
            Status::Completed => "đã hoàn tất",
            Status::CancelRequested => "đang chờ hủy",
            Status::Cancelled => "đã hủy",
            Status::ReturnRequested => "đang chờ trả hàng",
            Status::Returned => "đã trả hàng",
            Status::Rejected => "bị từ chối",
        }
    }
}

fn reason(words: &dyn Words, reason: &Reason) -> String {
    match reason {
        Reason::UnknownSku { sku } => format!("{} không tồn tại", named(sku)),
        Reason::OutOfStock { sku, requested, available } if *available <= 0 => {
            format!("{} đã hết hàng, cần {}", named(sku), words.number(requested.get()))
        }
        Reason::OutOfStock { sku, requested, available } => {
            format!("{} chỉ còn {}, cần {}", named(sku), words.number(*available), words.number(requested.get()))
        }
        Reason::PriceChanged { sku, offered, current } => {
            format!("giá của {} đã đổi từ {} thành {}", named(sku), words.money(offered), words.money(current))
        }
        Reason::NotForSale { sku } => format!("{} không được bán", named(sku)),
        Reason::NotInChannel { sku } => format!("{} không được bán trên kênh của đơn", named(sku)),
        Reason::OrderCancelled => "đơn đã bị hủy trước đó".to_owned(),
    }
}

fn counted(number: u64) -> String {
    amounts::number(number, Language::Vi)
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money, OrderId, Quantity, Sku};

    use super::super::super::{Counted, OrderLink, OrderName};
    use super::*;

    fn dong(minor: i64) -> Money {
        Money::from_minor(minor, Currency::parse("VND").unwrap()).unwrap()
    }

    fn told(fact: &Fact) -> String {
        Vietnamese.told(fact, &Voice { language: Language::Vi, ..Voice::default() })
    }

    #[test]
    fn an_order_is_told_by_its_number_with_amounts_in_dong() {
        let order = OrderName { order: OrderId::new(), number: Some(1_001) };
        let reference = Some("/huy".to_owned());
        let placed = Fact::OrderPlaced { order, lines: 2, units: 2_000, total: dong(1_499_000), reference };
        assert_eq!(told(&placed), "Đơn mới: 1.499.000 ₫ · 2 mặt hàng, 2.000 sản phẩm · đơn 1001 · “<code>/huy</code>”");
        let link = OrderLink::parse("https://shop.example/{order}").unwrap();
        let voice = Voice { language: Language::Vi, order_link: Some(link), ..Voice::default() };
        let confirmed = Fact::OrderConfirmed { order, total: dong(30_000) };
        let linked = format!("<a href=\"https://shop.example/{}\">đơn 1001</a>", order.order);
        assert_eq!(Vietnamese.told(&confirmed, &voice), format!("Đã xác nhận: 30.000 ₫ · {linked}"));
        let long = OrderName { number: Some(100_234), ..order };
        let cancelled = Fact::OrderCancelled { order: long, cause: Cause::Shopper };
        assert_eq!(told(&cancelled), "Đã hủy: bởi người mua · đơn <code>100234</code>", "no number to call");
    }

    #[test]
    fn what_stands_against_an_order_and_what_is_missing_is_told_in_words() {
        let (id, sku) = (OrderId::new(), Sku::parse("TEA-1").unwrap());
        let order = OrderName::from(id);
        let reasons = vec![
            Reason::OutOfStock { sku: sku.clone(), requested: Quantity::new(5).unwrap(), available: 2 },
            Reason::PriceChanged { sku: sku.clone(), offered: dong(10_000), current: dong(12_500) },
            Reason::NotInChannel { sku: sku.clone() },
        ];
        assert_eq!(
            told(&Fact::OrderRejected { order, reasons }),
            format!(
                "Bị từ chối: TEA-1 chỉ còn 2, cần 5; giá của TEA-1 đã đổi từ 10.000 ₫ thành 12.500 ₫; \
                 TEA-1 không được bán trên kênh của đơn · {id}"
            )
        );
        let lines = vec![OversoldLine { sku: sku.clone(), quantity: Quantity::new(2).unwrap() }];
        assert_eq!(told(&Fact::OrderOversold { order, lines }), format!("Bán vượt tồn kho: thiếu 2 × TEA-1 · {id}"));
        let depleted = Fact::StockDepleted { sku, available: -3 };
        assert_eq!(told(&depleted), "Hết hàng: TEA-1 · đã nhận bán vượt 3 sản phẩm");
    }

    #[test]
    fn a_day_is_counted_with_what_is_urgent_first_and_silence_has_words() {
        let day = kernel::Day::from_ymd_opt(2026, 11, 27).unwrap();
        let count = |of, facts| Counted { of, facts };
        let counts = vec![count(FactKind::OrderPlaced, 2_000), count(FactKind::OrderRejected, 1)];
        assert_eq!(told(&Fact::Heartbeat { day, counts }), "Hôm qua, 27/11: 1 đơn bị từ chối, 2.000 đơn mới");
        assert_eq!(told(&Fact::Heartbeat { day, counts: Vec::new() }), "Hôm qua, 27/11: không có gì xảy ra");
    }
}
