import { Page } from "../../ui/page";

export default function PromotionPage() {
  return <Page title="promotion">{null}</Page>;
}
