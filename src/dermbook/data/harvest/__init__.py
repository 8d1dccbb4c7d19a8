"""Getting files from the web, one by one or by the table, however the web behaves."""

from dermbook.data.harvest.addresses import FetchError, check_url, is_public
from dermbook.data.harvest.harvest import harvest
from dermbook.data.harvest.network import Client, Fetched, Limits
from dermbook.data.harvest.pictures import Picture, PictureError, kind_of, normal_form
from dermbook.data.harvest.report import HarvestReport

__all__ = [
    "Client",
    "FetchError",
    "Fetched",
    "HarvestReport",
    "Limits",
    "Picture",
    "PictureError",
    "check_url",
    "harvest",
    "is_public",
    "kind_of",
    "normal_form",
]
