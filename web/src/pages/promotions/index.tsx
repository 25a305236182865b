import { Page } from "../../ui/page";

export default function PromotionsPage() {
  return <Page title="promotions">{null}</Page>;
}
