select max(timestamp) as newest
from market_data
